import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { findPath } from '../../../../src/engines/onnx/autodiff/path.ts';
import { asOneOperator } from '../../../../src/engines/onnx/autodiff/rule-sets/activations.ts';
import { loadModel } from '../../../../src/engines/onnx/load/load-model.ts';

const blocks = new URL('../../../golden/blocks/', import.meta.url);

async function activationsOf(name: string): Promise<Record<string, number>> {
  const file = fileURLToPath(new URL(`${name}.onnx`, blocks));
  const model = await loadModel(undefined, { file, size: [16, 16], channels: 3, layout: 'NCHW', classes: 3 });
  const path = findPath(model, [model.input], model.output);
  const counts: Record<string, number> = {};
  for (const { op } of asOneOperator(path.nodes, model).nodes) counts[op] = (counts[op] ?? 0) + 1;
  return counts;
}

describe('activations that exporters write as several operators are one', () => {
  test.each([
    ['efficientnet', 'Silu'],
    ['mobilenet-v3', 'HardSwish'],
    ['convnext', 'Gelu'],
    ['convnext-torchscript', 'Gelu'],
    ['vit', 'Gelu'],
    ['vit-torchscript', 'Gelu'],
    ['alexnet', 'Softplus'],
  ])('%s has %s', async (name, activation) => {
    const counts = await activationsOf(name);
    expect(counts[activation]).toBeGreaterThan(0);
    for (const inner of ['Erf', 'Where']) expect(counts).not.toHaveProperty(inner);
  });
});
