import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { attr, constant, DType, type Graph, type Node } from '../../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { readModelFile } from '../../../src/engines/onnx/load/file.ts';
import { loadModel } from '../../../src/engines/onnx/load/load-model.ts';
import { outlineOf } from '../../../src/engines/onnx/load/outline.ts';
import { difference, images, runRaw, temporary, weights } from './fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());

const node = (op: string, name: string, inputs: string[], outputs: string[], more: Partial<Node> = {}): Node => ({
  ...{ op, domain: '', name, inputs, outputs, attrs: {} },
  ...more,
});

/** Convolution, rectifier, mean, scores; each test changes one thing. */
const NODES = [
  node('Conv', 'conv', ['x', 'w'], ['c']),
  node('Relu', 'relu', ['c'], ['r']),
  node('GlobalAveragePool', 'mean', ['r'], ['g']),
  node('Flatten', 'flat', ['g'], ['f']),
  node('Gemm', 'scores', ['f', 'v'], ['y']),
];

function net(change: Partial<Graph> = {}): Graph {
  return {
    opset: 17,
    nodes: NODES,
    constants: new Map([
      ['w', weights('w', [4, 1, 3, 3])],
      ['v', weights('v', [4, 2])],
    ]),
    inputs: [{ name: 'x', dtype: DType.float, dims: [null, 1, 8, 8] }],
    outputs: [{ name: 'y', dtype: DType.float, dims: [null, 2] }],
    ...change,
  };
}

const swap = (name: string, other: Node) => NODES.map(n => (n.name === name ? other : n));

let files = 0;
function load(graph: Graph) {
  const file = join(folder.path, `${files++}.onnx`);
  writeFileSync(file, encodeModel(graph));
  return loadModel(undefined, { file, size: [8, 8], channels: 1, layout: 'NCHW', classes: 2 });
}

describe('a file that is no sound network is refused with the node', () => {
  it.each<[string, Partial<Graph>, RegExp]>([
    [
      'two makers',
      { nodes: swap('relu', node('Relu', 'relu', ['c'], ['c'])) },
      /node 'conv' \(Conv\) and node 'relu' \(Relu\) both make the tensor 'c'/,
    ],
    [
      'no maker',
      { nodes: swap('conv', node('Conv', 'conv', ['x', 'nowhere'], ['c'])) },
      /node 'conv' \(Conv\) reads the tensor 'nowhere', which no node makes/,
    ],
    [
      'a circle',
      { nodes: swap('relu', node('Add', 'relu', ['c', 'g'], ['r'])) },
      /node 'mean' \(GlobalAveragePool\) and node 'relu' \(Add\) wait for each other/,
    ],
    [
      'no output',
      { outputs: [{ name: 'nope', dtype: DType.float, dims: [null, 2] }] },
      /no node makes its output 'nope'/,
    ],
    [
      'a foreign operator',
      { nodes: swap('relu', node('MyRelu', 'relu', ['c'], ['r'], { domain: 'com.acme' })) },
      /node 'relu' \(MyRelu\) is an operator of 'com\.acme', which ONNX Runtime does not have/,
    ],
    [
      'an unknown operator',
      { nodes: swap('relu', node('Reluu', 'relu', ['c'], ['r'])) },
      /ONNX Runtime can't load it: node 'relu' \(Reluu\): there is no operator Reluu in ONNX/,
    ],
    [
      'sizes that do not fit',
      { constants: new Map([...net().constants, ['v', weights('v', [7, 2])]]) },
      /ONNX Runtime can't load it: node 'scores' \(Gemm\): .* are 7 and 4/,
    ],
    [
      'channels that do not fit',
      { constants: new Map([...net().constants, ['w', weights('w', [4, 3, 3, 3])]]) },
      /node 'conv' \(Conv\): its weights are made for 3 channels/,
    ],
    [
      'no input',
      { inputs: [], constants: new Map([...net().constants, ['x', weights('x', [1, 1, 8, 8])]]) },
      /no input/,
    ],
    [
      'integers',
      {
        nodes: [node('Cast', 'cast', ['u'], ['x'], { attrs: { to: attr.int(1) } }), ...NODES],
        inputs: [{ name: 'u', dtype: DType.int32, dims: [null, 1, 8, 8] }],
      },
      /input 'u' takes int32, and not floats/,
    ],
    [
      'a batch of 0',
      { inputs: [{ name: 'x', dtype: DType.float, dims: [0, 1, 8, 8] }] },
      /'x' is \[0, 1, 8, 8\]: one of its/,
    ],
    [
      'a decision',
      {
        nodes: [...NODES, node('ArgMax', 'class', ['y'], ['k'], { attrs: { axis: attr.int(1) } })],
        outputs: [{ name: 'k', dtype: DType.int64, dims: [null, 1] }],
      },
      /'k' holds int64/,
    ],
  ])('%s', async (_, change, message) => {
    await expect(load(net(change))).rejects.toThrow(message);
  });

  it('and no inner name or place in a source file is ever shown', async () => {
    const bias = constant.float([4], [1, 2, 3, 4]);
    const nodes = swap('relu', node('BiasGelu', 'relu', ['c', 'b'], ['r'], { domain: 'com.microsoft' }));
    const broken = load(net({ nodes, constants: new Map([...net().constants, ['b', bias]]) }));
    await expect(broken).rejects.toThrow(/operator Add that ct-xai-bench wrote for node 'relu'/);
    await expect(broken).rejects.not.toThrow(/ctxai|\.cc|onnxruntime::/);
  });
});

it.each([
  ['tf2onnx', /tf2onnx may have left a constant.*model\.keras/],
  ['pytorch', /in PyTorch, export a module whose forward/],
])('a second input in a file by %s has a hint that fits', async (producer, hint) => {
  const nodes = swap('relu', node('Sub', 'relu', ['c', 'left'], ['r']));
  const inputs = [...net().inputs, { name: 'left', dtype: DType.float, dims: [1, 1, 1, 1] }];
  const about = { file: 'm.onnx', size: [8, 8], channels: 1, layout: 'NCHW', classes: 2 } as const;
  await expect(loadModel(net({ nodes, inputs, producer }), about)).rejects.toMatchObject({
    message: expect.stringMatching(/it has 2 inputs/),
    hint: expect.stringMatching(hint),
  });
});

describe('files that ONNX Runtime takes', () => {
  const x = images('refusals', [2, 1, 8, 8]);

  it('with nodes in another order give its scores', async () => {
    const graph = net({ nodes: NODES.toReversed() });
    const file = join(folder.path, 'reversed.onnx');
    writeFileSync(file, encodeModel(graph));
    expect(readModelFile(file).nodes.map(n => n.name)).toEqual(NODES.map(n => n.name));
    const { graph: read } = await load(graph);
    expect(difference(await runRaw(read, x), await runRaw(graph, x))).toBeLessThan(1e-6);
  });

  it('with -1 for a size that is open, as PaddlePaddle writes it, give its scores for any batch', async () => {
    const graph = net({
      inputs: [{ name: 'x', dtype: DType.float, dims: [-1, 1, -1, -1] }],
      outputs: [{ name: 'y', dtype: DType.float, dims: [-1, 2] }],
    });
    const { graph: read, dynamicBatch } = await load(graph);
    expect(dynamicBatch).toBe(true);
    expect(difference(await runRaw(read, x), await runRaw(net(), x))).toBeLessThan(1e-6);
    const file = join(folder.path, 'open.onnx');
    writeFileSync(file, encodeModel(graph));
    const { input, outputs } = await outlineOf(readModelFile(file), file);
    expect(input).toMatchObject({ channels: 1, anySize: true });
    expect(outputs).toMatchObject([{ name: 'y', shape: [2] }]);
  });

  it('with values of float8 between give its scores', async () => {
    const to = (type: number) => ({ attrs: { to: attr.int(type) } });
    const nodes = [
      node('Cast', 'small', ['x'], ['x8'], to(17)),
      node('Cast', 'large', ['x8'], ['xf'], to(1)),
      ...swap('conv', node('Conv', 'conv', ['xf', 'w'], ['c'])),
    ];
    const graph = net({ opset: 19, nodes });
    const { graph: read } = await load(graph);
    expect(difference(await runRaw(read, x), await runRaw(graph, x))).toBeLessThan(1e-6);
  });
});
