import { statSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scoresOf } from '../../src/cli/init/draft-card.ts';
import { attr, constant, DType, type Graph, GraphBuilder, type Node } from '../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../src/engines/onnx/graph/proto.ts';
import { plainFault } from '../../src/engines/shared/plain-fault.ts';
import { mistakenFile } from '../../src/files/mistaken-file.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, ROOT } from './fixture.ts';

const caseFolder = (name: string) => join(ROOT, 'test', 'golden', 'cases', name);

test('prints what was measured, and which explainers stay', async () => {
  const { code, stdout, stderr } = await cli('inspect', caseFolder('qdq'));
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toMatch(/input +32 × 32 × 1, NCHW/);
  expect(stdout).toMatch(/output +softmax, 2 classes: values from/);
  expect(stdout).toMatch(/repeats +exactly/);
  expect(stdout).toMatch(/passes a second/);
  expect(stdout).toMatch(/no gradients: operator DequantizeLinear/);
  expect(stdout).toMatch(/can have: .*\blime\b/);
  expect(stdout).toMatch(/that it can't, for want of gradients: .*\bintegrated-gradients\b/);
});

test('gives the same as JSON, with the ranked layers; weights need no card', async () => {
  const { stdout } = await cli('inspect', join(caseFolder('two-branch'), 'model.onnx'), '--json');
  const found = JSON.parse(stdout);
  expect(found).toMatchObject({ task: 'softmax', runtime: { camLayer: '/a/f/f.3/Relu_output_0' } });
  const ranked = found.layers.filter((l: { rank?: number }) => l.rank !== undefined);
  expect(ranked.map((l: { name: string }) => l.name).sort()).toEqual([
    '/a/f/f.3/Relu_output_0',
    '/b/b.1/Relu_output_0',
  ]);
  expect(found.explainers).toMatchObject({ 'grad-cam': null, occlusion: null });
  expect(found.explainers['attention-rollout']).toMatch(/self-attention/);
});

test.each([
  [
    'a Git LFS pointer',
    'version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n',
    /pointer of Git LFS[\s\S]*git lfs pull/,
  ],
  ['a web page', '<!DOCTYPE html><html><body>Sign in</body></html>', /a web page, not a model[\s\S]*raw or download/],
  ['a PyTorch checkpoint', 'PK\u0003\u0004 archive/data.pkl', /PyTorch checkpoint[\s\S]*torch\.onnx\.export/],
])('%s that is called model.onnx is named as what it is', async (_, content, message) => {
  const dir = await temporaryFolder();
  const file = join(dir, 'model.onnx');
  await writeFile(file, Buffer.from(content, 'latin1'));
  const { code, stderr } = await cli('inspect', file);
  expect(stderr).toMatch(message);
  expect(stderr).toContain(file);
  expect(code).toBe(2);
});

test('knows other files by their first bytes', () => {
  const bytes = (text: string) => Buffer.from(text, 'latin1');
  expect(mistakenFile(bytes('\x89HDF\r\n\x1a\n'))?.what).toMatch(/HDF5/);
  expect(mistakenFile(bytes('\x40\0\0\0\0\0\0\0{"w":{"dtype":"F32"'))?.what).toMatch(/safetensors/);
  expect(mistakenFile(bytes('\x80\x02}q\0'))?.what).toMatch(/PyTorch/);
  expect(mistakenFile(bytes('\x08\x08\x12\x07pytorch'))).toBeUndefined();
});

const BROKEN_RESHAPE =
  "Non-zero status code returned while running Reshape node. Name:'rs' Status Message: " +
  '/onnxruntime_src/onnxruntime/core/providers/cpu/tensor/reshape_helper.h:91 onnxruntime::ReshapeHelper::' +
  'ReshapeHelper(const onnxruntime::TensorShape&, bool) input_shape_size == requested_shape_size was false. ' +
  'The input tensor cannot be reshaped to the requested shape. Input shape:{1,1,16,16}, requested shape:{7,5}\n';

test.each([
  [
    'Node (fc) Op (Gemm) [ShapeInferenceError] Dimension mismatch in unification between 7 and 4',
    "node 'fc' (Gemm): two sizes that must be the same are 7 and 4.",
  ],
  [
    'Node (ctxai/MatMul_11) Op (MatMul) failed',
    'what ct-xai-bench added to the network, such as its gradient: failed.',
  ],
  ['Node (ctxai/Add_2) Op (Add) failed', "an operator Add that ct-xai-bench wrote for node 'bias': failed."],
  [BROKEN_RESHAPE, "node 'rs' (Reshape): a tensor of 1 × 1 × 16 × 16 values can't be arranged as [7, 5]."],
  [
    'This is an invalid model. In Node, ("typo", Reluu, "", -1) : ("c": tensor(float),) -> ("r",) , ' +
      'Error No Op registered for Reluu with domain_version of 20',
    "node 'typo' (Reluu): there is no operator Reluu in ONNX.",
  ],
  [
    "This is an invalid model. Type Error: Type 'tensor(bfloat16)' of input parameter (h) of operator (Conv) in node (cv) is invalid.",
    "node 'cv' (Conv): it takes no bfloat16, which its input 'h' is.",
  ],
  [
    'Type Error: Type parameter (T) of Optype (Add) bound to different types (tensor(float) and tensor(int64) in node (ad).',
    "node 'ad' (Add): its inputs are of two types, float and int64.",
  ],
  [
    "Could not find an implementation for Relu(14) node with name 're'",
    "node 're' (Relu): ONNX Runtime can’t compute it for the type of its tensors.",
  ],
  [
    'Fatal error: org.pytorch.aten:ATen(-1) is not a registered function/op',
    "node 'at' (ATen): ONNX Runtime has no such operator in the domain 'org.pytorch.aten'.",
  ],
  ['Invalid dimension: -4', 'a window is larger than what it slides over.'],
])('what ONNX Runtime says is said with the node and its operator: %s', (message, words) => {
  const fileNode = (inner: string) => (inner === 'ctxai/Add_2' ? 'bias' : undefined);
  expect(plainFault(message, { fileNode, nodeOf: op => (op === 'ATen' ? 'at' : undefined) })).toBe(words);
});

test('names all operators without a rule, and what they cost', async () => {
  const graph = network([null, 1, 8, 8], [2, 3]);
  const [mean, product] = graph.nodes as [Node, Node];
  const b = new GraphBuilder({ opset: 17, taken: [...graph.constants.keys(), ...graph.nodes.flatMap(n => n.outputs)] });
  const sum = b.op('Sum', [mean.outputs[0]!, b.op('Det', ['image']), b.op('Det', ['image'])]);
  const nodes = [mean, ...b.nodes, { ...product, inputs: [sum, product.inputs[1]!] }];
  const file = join(await temporaryFolder(), 'model.onnx');
  await writeFile(file, encodeModel({ ...graph, nodes }));
  const { stdout } = await cli('inspect', file);
  expect(stdout).toMatch(/no differentiation rule for Det: 2 nodes, /);
  expect(stdout).toMatch(/for want of gradients: .*\bsaliency\b/);
  expect(stdout).toMatch(/can have: .*\bocclusion\b/);
});

test('names explainers whose backward rules the network can not have, and why', async () => {
  const file = join(await temporaryFolder(), 'model.onnx');
  await writeFile(file, encodeModel(network([null, 1, 8, 8], [2, 3])));
  const { stdout } = await cli('inspect', file);
  expect(stdout).toMatch(/not guided-backprop: guided backprop\S* is defined by ReLU, and the model has none/i);
  expect(stdout).not.toMatch(/can have: .*\bguided-backprop\b/);
  expect(stdout).toMatch(/can have: .*\blrp\b/);
  const { explainers } = JSON.parse((await cli('inspect', file, '--json')).stdout);
  expect(explainers.deconvnet).toMatch(/^rules: .*ReLU/);
  expect(explainers.deeplift).toBeNull();
});

test('counts the shards of a TF.js model', async () => {
  const folder = join(ROOT, 'models', 'phantom-cnn', 'tfjs');
  const { stdout } = await cli('inspect', join(folder, 'model.json'), '--json');
  const bytes = (await readdir(folder)).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  expect(JSON.parse(stdout).megabytes).toBe(Number((bytes / 1e6).toFixed(2)));
});

/** A network of [batch, …] in, [batch, 2] out. */
function network(dims: readonly (number | null)[], pooled: readonly number[]): Graph {
  const b = new GraphBuilder({ opset: 17, taken: ['image'] });
  const mean = b.op('ReduceMean', ['image'], { axes: attr.ints(pooled), keepdims: attr.int(0) });
  const scores = b.op('MatMul', [mean, b.constant(constant.float([1, 2], [1, -1]))]);
  return {
    opset: 17,
    nodes: b.nodes,
    constants: b.constants,
    inputs: [{ name: 'image', dtype: DType.float, dims }],
    outputs: [{ name: scores, dtype: DType.float, dims: [dims[0]!, 2] }],
  };
}

test('a three-dimensional network is told so, and what is supported', async () => {
  const file = join(await temporaryFolder(), 'model.onnx');
  await writeFile(file, encodeModel(network([null, 1, 8, 8, 8], [2, 3, 4])));
  const { stderr, code } = await cli('inspect', file);
  expect(stderr).toMatch(/its input 'image' is three-dimensional: \[\?, 1, 8, 8, 8\][\s\S]*two-dimensional images/);
  expect(code).toBe(2);
});

test('rows of values are taken for a square image, and that this is a guess is said', async () => {
  const folder = await temporaryFolder();
  const written = async (values: number) => {
    const b = new GraphBuilder({ opset: 17, taken: ['image'] });
    const weights = Array.from({ length: 2 * values }, (_, i) => Math.sin(i));
    const scores = b.op('MatMul', ['image', b.constant(constant.float([values, 2], weights))]);
    const file = join(folder, `${values}.onnx`);
    const inputs = [{ name: 'image', dtype: DType.float, dims: [null, values] }];
    const outputs = [{ name: scores, dtype: DType.float, dims: [null, 2] }];
    await writeFile(file, encodeModel({ opset: 17, nodes: b.nodes, constants: b.constants, inputs, outputs }));
    return file;
  };
  const { stdout, stderr } = await cli('inspect', await written(64));
  expect(stderr).toBe('');
  expect(stdout).toMatch(
    /input +8 × 8 × 1, NCHW\na guess +The file's input 'image' takes rows of 64 values\..* a guess/,
  );
  expect(stdout).toMatch(/no layers: the model has no layer with several axes/);
  expect(stdout).toMatch(/can have: .*\bintegrated-gradients\b/);
  const refused = await cli('inspect', await written(30));
  expect(refused.stderr).toMatch(/rows of 30 values: which size and channels[\s\S]*Write a card/);
  expect(refused.code).toBe(2);
});

describe('which output holds the scores', () => {
  /** Features, their scores, and what is made of these; named in this order as outputs of the file. */
  async function written(end: 'HardSigmoid' | undefined, outputs: readonly string[]): Promise<string> {
    const graph = network([null, 1, 8, 8], [2, 3]);
    const mean = graph.nodes[0]!;
    const b = new GraphBuilder({
      opset: 17,
      taken: [...graph.constants.keys(), ...graph.nodes.flatMap(n => n.outputs)],
    });
    const wide = b.op('MatMul', [mean.outputs[0]!, b.constant(constant.float([1, 5], [9, -8, 7, -6, 5]))]);
    const scores = b.op('MatMul', [wide, b.constant(constant.float([5, 2], [1, 2, 1, -2, 0.5, 1, -1, 1, 2, 1]))]);
    const last = end ? b.op(end, [scores]) : scores;
    const names = new Map([
      [wide, 'features'],
      [last, 'scores'],
      ['image', 'image'],
    ]);
    const named = (name: string) => names.get(name) ?? name;
    const nodes = [mean, ...b.nodes].map(n => ({ ...n, inputs: n.inputs.map(named), outputs: n.outputs.map(named) }));
    const dims: Record<string, readonly (number | null)[]> = {
      features: [null, 5],
      scores: [null, 2],
      image: [null, 1, 8, 8],
    };
    const file = join(await temporaryFolder(), 'model.onnx');
    const told = outputs.map(name => ({ name, dtype: DType.float, dims: dims[name]! }));
    await writeFile(file, encodeModel({ ...graph, constants: b.constants, nodes, outputs: told }));
    return file;
  }

  test('not the features that they are made of, nor a map', async () => {
    const { stdout } = await cli('inspect', await written(undefined, ['image', 'features', 'scores']));
    expect(stdout).toMatch(/output +softmax, 2 classes/);
    expect(stdout).toMatch(/read from +'scores'/);
  });

  /** Classes' probabilities, what is made of them, and how sure they are, named in this order as outputs of the file. */
  async function ofClasses(outputs: readonly ('probabilities' | 'largest' | 'doubt')[]): Promise<string> {
    const graph = network([null, 1, 8, 8], [2, 3]);
    const mean = graph.nodes[0]!;
    const b = new GraphBuilder({
      opset: 17,
      taken: [...graph.constants.keys(), ...graph.nodes.flatMap(n => n.outputs)],
    });
    const to = (columns: number) => {
      const weights = Array.from({ length: columns }, (_, i) => 3 * i - 2);
      return b.op('MatMul', [mean.outputs[0]!, b.constant(constant.float([1, columns], weights))]);
    };
    const probabilities = b.op('Softmax', [to(3)], { axis: attr.int(1) });
    const axes = { axes: attr.ints([1]), keepdims: attr.int(1) };
    const names = new Map([
      [probabilities, 'probabilities'],
      [b.op('ReduceMax', [probabilities], axes), 'largest'],
      [b.op('HardSigmoid', [to(1)]), 'doubt'],
    ]);
    const named = (name: string) => names.get(name) ?? name;
    const nodes = [mean, ...b.nodes].map(n => ({ ...n, inputs: n.inputs.map(named), outputs: n.outputs.map(named) }));
    const file = join(await temporaryFolder(), 'model.onnx');
    const told = outputs.map(name => ({
      ...{ name, dtype: DType.float },
      dims: [null, name === 'probabilities' ? 3 : 1],
    }));
    await writeFile(file, encodeModel({ ...graph, constants: b.constants, nodes, outputs: told }));
    return file;
  }

  test.each([
    ['the greatest probability', ['largest', 'probabilities']],
    ['how sure the network is', ['doubt', 'probabilities']],
    ['what is told after them', ['probabilities', 'largest', 'doubt']],
  ] as const)('those of the classes, and not %s', async (_, outputs) => {
    const { stdout } = await cli('inspect', await ofClasses(outputs));
    expect(stdout).toMatch(/output +softmax, 3 classes/);
    expect(stdout).toMatch(/read from +'probabilities'/);
  });

  test('those with as many numbers as there are labels, before a single number', () => {
    const output = (name: string, shape: number[]) => ({ name, shape, leadsTo: [] });
    const input = { name: 'x', layout: 'NCHW', channels: 1, size: [8, 8], anySize: false } as const;
    const outputs = [output('doubt', [1]), output('age', [100]), output('sex', [2])];
    expect(scoresOf({ input, outputs }, 2, 'm.onnx')).toMatchObject({ units: 2, output: 'sex' });
    expect(scoresOf({ input, outputs }, 24, 'm.onnx')).toMatchObject({ units: 1, output: 'doubt' });
  });

  test('not what is told of each of a detector’s boxes, nor how many these are', () => {
    const output = (name: string, shape: number[]) => ({ name, shape, leadsTo: [] });
    const input = { name: 'x', layout: 'NHWC', channels: 3, size: [8, 8], anySize: false } as const;
    const among = (...outputs: readonly (readonly [string, number[]])[]) =>
      scoresOf({ input, outputs: outputs.map(([name, shape]) => output(name, shape)) }, 0, 'm.json');
    expect(() => among(['boxes', [100, 4]], ['sure', [100]], ['count', []])).toThrow(/as detectors/);
    expect(() => among(['boxes', [0, 4]], ['sure', [0]], ['count', [1]])).toThrow(/as detectors/);
    expect(() => among(['points', [512, 16]], ['sure', [512, 1]])).toThrow(/as detectors/);
    expect(among(['boxes', [100, 4]], ['sure', [100]], ['scores', [3]])).toMatchObject({ output: 'scores', units: 3 });
    // Maps of classes, and tokens that each class looks at, are no boxes.
    expect(among(['maps', [3, 7, 7]], ['scores', [3]])).toMatchObject({ output: 'scores', units: 3 });
    expect(among(['looks', [10, 49]], ['scores', [10]])).toMatchObject({ output: 'scores', units: 10 });
  });

  test('none of a network that puts out maps alone', async () => {
    const { stderr, code } = await cli('inspect', await written(undefined, ['image']));
    expect(stderr).toMatch(/no scores of images: 'image' has \[1, 8, 8\] for each image/);
    expect(code).toBe(2);
  });

  test('what stays within 0…1 on all images is read as probabilities', async () => {
    const { stdout } = await cli('inspect', await written('HardSigmoid', ['scores']), '--json');
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({ task: 'multi-label' });
    expect(found.runtime.measured.warnings.join()).not.toMatch(/emits logits/);
  });
});
