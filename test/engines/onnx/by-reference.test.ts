import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeByReference } from '../../../src/engines/onnx/graph/by-reference.ts';
import { constant, DType, type Graph } from '../../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { readModelFile } from '../../../src/engines/onnx/load/file.ts';
import { createSession, type SessionSource } from '../../../src/engines/onnx/session/session-options.ts';

const folder = mkdtempSync(join(tmpdir(), 'ct-xai-by-reference-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** x · weights, twice: [n, 40] → [n, 40]. The name's length decides where in the file the weights begin. */
function network(name: string, shift = 0): Graph {
  const weights = (by: number) =>
    constant.float(
      [40, 40],
      Float32Array.from({ length: 1600 }, (_, i) => Math.sin(i * by + shift)),
    );
  const node = (x: string, w: string, y: string) => {
    return { op: 'MatMul', domain: '', name: y, inputs: [x, w], outputs: [y], attrs: {} };
  };
  return {
    opset: 17,
    nodes: [node('x', name, 'hidden'), node('hidden', `${name}2`, 'y')],
    constants: new Map([
      [name, weights(0.37)],
      [`${name}2`, weights(0.11)],
    ]),
    inputs: [{ name: 'x', dtype: DType.float, dims: [null, 40] }],
    outputs: [{ name: 'y', dtype: DType.float, dims: [null, 40] }],
  };
}

async function scoresOf(source: SessionSource): Promise<Float32Array> {
  const session = await createSession(source, { logSeverityLevel: 4 });
  const x = Float32Array.from({ length: 40 }, (_, i) => Math.cos(i));
  const { y } = await session.run({ x: new Tensor('float32', x, [1, 40]) });
  await session.release();
  return y!.data as Float32Array;
}

describe('weights by reference', () => {
  it.each(['w', 'wa', 'wai', 'weig'])('are the file’s wherever they lie in it: %s', async name => {
    const file = join(folder, `${name}.onnx`);
    const graph = network(name);
    writeFileSync(file, encodeModel(graph));
    const read = readModelFile(file);
    for (const [key, { data }] of graph.constants) expect(read.constants.get(key)!.data).toEqual(data);
    const source = encodeByReference(read);
    if (source instanceof Uint8Array) throw new Error('the weights were written');
    expect(source.bytes.length).toBeLessThan(1000);
    expect(await scoresOf(source)).toEqual(await scoresOf(encodeModel(graph)));
  });

  it('are written where the file was changed since it was read', async () => {
    const file = join(folder, 'changed.onnx');
    writeFileSync(file, encodeModel(network('w')));
    const read = readModelFile(file);
    writeFileSync(file, encodeModel(network('w', 1)));
    const source = encodeByReference(read);
    expect(source).toBeInstanceOf(Uint8Array);
    expect(await scoresOf(source)).toEqual(await scoresOf(encodeModel(network('w'))));
    rmSync(file);
    expect(encodeByReference(read)).toBeInstanceOf(Uint8Array);
  });

  it('are written where other values have taken their place', async () => {
    mkdirSync(join(folder, 'deep'));
    const file = join(folder, 'deep', 'w.onnx');
    writeFileSync(file, encodeModel(network('w')));
    const read = readModelFile(file);
    const [name, weights] = [...read.constants][0]!;
    const other = { ...weights, data: Float32Array.from(weights.data as Float32Array, v => 2 * v) };
    const doubled = { ...read, constants: new Map([...read.constants, [name, other]]) };
    expect(await scoresOf(encodeByReference(doubled))).toEqual(await scoresOf(encodeModel(doubled)));
  });
});
