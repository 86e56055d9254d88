import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { constant, DType, type Graph, type Node } from '../../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { onnxEngine } from '../../../src/engines/onnx/index.ts';
import { readModelFile } from '../../../src/engines/onnx/load/file.ts';
import { loadModel } from '../../../src/engines/onnx/load/load-model.ts';
import { outlineOf } from '../../../src/engines/onnx/load/outline.ts';
import { cardFor, temporary, weights } from './fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());

const node = (op: string, name: string, inputs: string[], outputs: string[], attrs: Node['attrs'] = {}): Node => ({
  ...{ op, domain: '', name, inputs, outputs, attrs },
});
const HEAD = [
  node('GlobalAveragePool', 'mean', ['r'], ['g']),
  node('Flatten', 'flat', ['g'], ['f']),
  node('Gemm', 'scores', ['f', 'v'], ['y']),
];
const CONV = node('Conv', 'conv', ['x', 'w'], ['c']);
const RELU = node('Relu', 'relu', ['c'], ['r']);

let files = 0;
function write(nodes: Node[], constants: Record<string, number[]>, change: Partial<Graph> = {}): string {
  const file = join(folder.path, `${files++}.onnx`);
  const graph: Graph = {
    opset: 17,
    nodes,
    constants: new Map([
      ...Object.entries({ w: [4, 1, 3, 3], v: [4, 2], ...constants }).map(
        ([name, dims]) => [name, weights(name, dims)] as const,
      ),
      ['shape', constant.ints([-1, 4, 7, 7])],
      ['flat', constant.ints([-1, 144])],
      ['far', constant.ints([9])],
    ]),
    inputs: [{ name: 'x', dtype: DType.float, dims: [null, 1, 8, 8] }],
    outputs: [{ name: 'y', dtype: DType.float, dims: [null, 2] }],
    ...change,
  };
  writeFileSync(file, encodeModel(graph));
  return file;
}

const load = (file: string, more = {}) =>
  loadModel(undefined, { file, size: [8, 8], channels: 1, layout: 'NCHW', classes: 2, ...more });

describe('tensors that do not fit each other are told with the node, in plain words', () => {
  it.each<[string, Node[], Record<string, number[]>, RegExp]>([
    [
      'channels',
      [CONV, RELU, ...HEAD],
      { w: [4, 3, 3, 3] },
      /node 'conv' \(Conv\): its weights are made for 3 channels, and it is given 1\.$/,
    ],
    ['features', [CONV, RELU, ...HEAD], { v: [5, 2] }, /node 'scores' \(Gemm\): .* [45] .*[45]/],
    [
      'arrangement',
      [CONV, node('Reshape', 'tokens', ['c', 'shape'], ['r']), ...HEAD],
      {},
      /node 'tokens' \(Reshape\): a tensor of \d+ × 4 × 6 × 6 values can't be arranged as \[-1, 4, 7, 7\]\.$/,
    ],
    [
      'sums',
      [CONV, node('Add', 'sum', ['c', 'b'], ['r']), ...HEAD],
      { b: [4, 5, 6] },
      /node 'sum' \(Add\): the sizes of its inputs do not fit each other\.$/,
    ],
    [
      'products',
      [CONV, RELU, ...HEAD.slice(0, 2), node('MatMul', 'product', ['f', 'v'], ['y'])],
      { v: [5, 2] },
      /node 'product' \(MatMul\): the second matrix has not as many rows as the first has columns/,
    ],
    [
      'elements',
      [CONV, node('Gather', 'pick', ['c', 'far'], ['r'], { axis: { type: 'int', value: 1 } }), ...HEAD],
      { v: [1, 2] },
      /node 'pick' \(Gather\): it asks for element 9, and there are only those from -4 to 3\.$/,
    ],
  ])('%s', async (_, nodes, constants, expected) => {
    await expect(load(write(nodes, constants))).rejects.toThrow(expected);
  });
});

describe('inputs that the scores do not depend on', () => {
  const inputs: Graph['inputs'] = [
    { name: 'age', dtype: DType.int64, dims: [null, 1] },
    { name: 'x', dtype: DType.float, dims: [null, 1, 8, 8] },
  ];

  it('are left aside, which is told; the scores are those of the file', async () => {
    const [two, one] = [write([CONV, RELU, ...HEAD], {}, { inputs }), write([CONV, RELU, ...HEAD], {})];
    expect((await outlineOf(readModelFile(two), two)).input.name).toBe('x');
    const image = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i));
    const scores = [];
    for (const file of [two, one]) {
      const card = cardFor(file, { classes: ['a', 'b'], input: { size: [8, 8], channels: 1, layout: 'NCHW' } });
      const model = await onnxEngine.open(card, { device: 'cpu' });
      scores.push([...(await model.scores({ count: 1, write: (_, out) => out.set(image) }, { as: 'logit' })).data]);
      const note = "the scores do not depend on the file's input 'age', which is left aside";
      expect(model.runtime.note).toBe(file === two ? note : undefined);
      await model.close();
    }
    expect(scores[0]).toEqual(scores[1]);
  });

  it('are no images, if a card names one', async () => {
    await expect(load(write([CONV, RELU, ...HEAD], {}, { inputs }), { input: 'age' })).rejects.toThrow(
      /the scores do not depend on the card's input 'age', but on 'x'/,
    );
  });

  it('do not stop a file whose other output reads them', async () => {
    const other = node('Cast', 'years', ['age'], ['z'], { to: { type: 'int', value: DType.float } });
    const file = write(
      [CONV, RELU, ...HEAD, other],
      {},
      {
        inputs,
        outputs: [
          { name: 'y', dtype: DType.float, dims: [null, 2] },
          { name: 'z', dtype: DType.float, dims: [null, 1] },
        ],
      },
    );
    expect((await load(file, { output: 'y' })).unused).toEqual(['age']);
  });
});

it('of sizes that an outline tries, one at which each image has its own scores is preferred', async () => {
  const nodes = [
    CONV,
    RELU,
    node('Reshape', 'flatten', ['r', 'flat'], ['f']),
    node('Gemm', 'scores', ['f', 'v'], ['y']),
  ];
  const kernel = { w: [4, 1, 27, 27], v: [144, 2] };
  const inputs = [{ name: 'x', dtype: DType.float, dims: [null, 1, null, null] }];
  const file = write(nodes, kernel, { inputs });
  // 32 − 27 + 1 = 6, and 4 · 6 · 6 = 144; 224 would make 272 rows of one image.
  expect(await outlineOf(readModelFile(file), file)).toMatchObject({
    input: { size: [32, 32] },
    outputs: [{ name: 'y', shape: [2] }],
  });
});
