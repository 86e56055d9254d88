import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ModelCard } from '../../../src/core/contracts/index.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { attr, constant, type Graph } from '../../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { onnxEngine } from '../../../src/engines/onnx/index.ts';
import { loadModel } from '../../../src/engines/onnx/load/load-model.ts';
import { outlineOf } from '../../../src/engines/onnx/load/outline.ts';
import { testEngine } from '../../support/test-engine.ts';
import { batchOf } from '../tfjs/fixtures.ts';
import { cardFor, channelsLast, difference, graphOf, images, runRaw, temporary, weights } from './fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());

/** Two dense layers on rows of values; `read` is how many the network reads of what its input declares. */
function dense(values: number, { batch = null as number | null, declared = values as number | null } = {}): Graph {
  return graphOf({
    input: [batch, declared],
    build(b, x) {
      const layer = (input: string, name: string, dims: [number, number], scale: number) =>
        b.op('Gemm', [input, b.constant(weights(name, dims, scale)), b.constant(weights(`${name} bias`, [dims[1]]))]);
      const hidden = b.op('Softplus', [layer(x, 'hidden', [values, 12], 1 / Math.sqrt(values))]);
      return [layer(hidden, 'head', [12, 3], 2), [batch, 3]];
    },
  });
}

/** A network that makes an image of each row again. */
function convolving(): Graph {
  return graphOf({
    input: [null, 64],
    build(b, rows) {
      const x = b.op('Reshape', [rows, b.constant(constant.ints([-1, 1, 8, 8]))]);
      const conv = b.op('Conv', [x, b.constant(weights('conv', [6, 1, 3, 3]))], { pads: attr.ints([1, 1, 1, 1]) });
      const pooled = b.op('Flatten', [b.op('GlobalAveragePool', [b.op('Relu', [conv])])]);
      return [b.op('MatMul', [pooled, b.constant(weights('head', [6, 3]))]), [null, 3]];
    },
  });
}

const classes = ['a', 'b', 'c'];
const colour = (layout: 'NCHW' | 'NHWC') => ({ size: [8, 8], channels: 3, layout }) as const;

testEngine('a dense network of flattened grey images', {
  engine: onnxEngine,
  device: 'cpu',
  card: cardFor(folder.write('grey.onnx', dense(64)), { classes }),
  images: images('grey', [3, 8, 8, 1]),
});

testEngine('a dense network of flattened colour images, channels first, for one image at a time', {
  engine: onnxEngine,
  device: 'cpu',
  card: cardFor(folder.write('colour.onnx', dense(192, { batch: 1 })), { classes, input: colour('NCHW') }),
  images: images('colour', [3, 8, 8, 3]),
});

async function opened<T>(
  graph: Graph,
  input: ModelCard['input'],
  use: (model: Awaited<ReturnType<typeof onnxEngine.open>>) => T,
): Promise<Awaited<T>> {
  const file = folder.write('opened.onnx', graph);
  const model = await onnxEngine.open(cardFor(file, { classes, input }), { device: 'cpu', workers: 1, threads: 1 });
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}

describe('images that are flattened in front of the network', () => {
  const first = images('in order', [2, 3, 8, 6]);
  const rows = ({ data }: Tensor) => tensor([2, 144], data);

  it.each([
    ['NCHW', rows(first)],
    ['NHWC', rows(channelsLast(first))],
  ] as const)('get, as %s, the scores that ONNX Runtime gives to their values in that order', async (layout, want) => {
    const input = { size: [8, 6], channels: 3, layout } as const;
    const { scores, runtime } = await opened(dense(144), input, async model => ({
      scores: await model.scores(batchOf(channelsLast(first)), { as: 'logit' }),
      runtime: model.runtime,
    }));
    expect(difference(scores.data, await runRaw(dense(144), want))).toBeLessThan(1e-5);
    expect(runtime.note).toMatch(/'image' takes rows of 144 values: images are flattened/);
    expect(runtime.note).toContain(
      `(layout: ${layout}), as the card says or by default; the file does not tell the order`,
    );
    expect(runtime.measured?.warnings ?? []).toEqual([]);
  });

  it('have layers with pixels where the network makes images of the rows again', async () => {
    const input = { size: [8, 8], channels: 1, layout: 'NCHW' } as const;
    const { camLayer, capabilities } = await opened(convolving(), input, async model => ({
      camLayer: (await model.layers()).find(({ name }) => name === model.runtime.camLayer),
      capabilities: model.capabilities,
    }));
    expect(camLayer).toMatchObject({ operator: 'Relu', shape: [8, 8, 6] });
    expect(capabilities.has('gradients')).toBe(true);
  });

  it('are as many values as the file does not say', async () => {
    const { graph } = await loadModel(dense(64, { declared: null }), { ...hint, size: [4, 16] });
    expect(graph.inputs[0]!.dims).toEqual([null, 1, 4, 16]);
  });
});

const hint = { file: 'm.onnx', size: [8, 8], channels: 1, layout: 'NCHW', classes: 3 } as const;

it.each([
  [dense(100), /the card says images of 8 × 8 pixels and 1 channel, which are 64 values; .* rows of 100/],
  [dense(0), /one of its sizes is 0/],
  [dense(100, { declared: null }), /are 64 values; the file's input 'image' does not say how many it takes\. .* 64/],
])('another number of values than the card says is refused', async (graph, message) => {
  await expect(loadModel(graph, hint)).rejects.toThrow(message);
});

describe('without a card', () => {
  const outlined = (values: number | null, producer?: string) =>
    outlineOf({ ...dense(values ?? 64, { declared: values }), ...(producer ? { producer } : {}) }, 'm.onnx');

  it.each([
    [64, undefined, [8, 8], 1, 'NCHW', /'image' takes rows of 64 values\. .* 8 × 8 pixels and 1 channel is a guess/],
    [192, 'skl2onnx', [8, 8], 3, 'NHWC', /8 × 8 pixels and 3 channels, channels last, is a guess/],
    [3072, 'pytorch', [32, 32], 3, 'NCHW', /32 × 32 pixels and 3 channels, channels first, is a guess/],
  ] as const)('%d values by %s are taken for an image, and said to be guessed', async (...row) => {
    const [values, producer, size, channels, layout, guess] = row;
    const { input, outputs } = await outlined(values, producer);
    expect(input).toMatchObject({ size, channels, layout, anySize: false, guess: expect.stringMatching(guess) });
    expect(outputs).toMatchObject([{ shape: [3] }]);
  });

  it.each([
    [30, /rows of 30 values/],
    [4, /rows of 4 values/],
    [null, /does not say how many/],
  ])('%s values are refused, for a card to say what they are', async (values, message) => {
    await expect(outlined(values)).rejects.toMatchObject({
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/input: \{ size: \[rows, columns\], channels/),
    });
  });
});

it('a file of one image without the axis that counts images is not read as one of rows', async () => {
  const graph = graphOf({
    input: [8, 8],
    build: (b, x) => [
      b.op('MatMul', [b.op('Reshape', [x, b.constant(constant.ints([1, 64]))]), b.constant(weights('head', [64, 3]))]),
      [1, 3],
    ],
  });
  const file = join(folder.path, 'no-axis.onnx');
  await writeFile(file, encodeModel(graph));
  const open = (size: [number, number]) =>
    onnxEngine.open(cardFor(file, { classes, input: { size, channels: 1, layout: 'NCHW' } }), { device: 'cpu' });
  await expect(open([8, 8])).rejects.toThrow(/which are 64 values; .* rows of 8/);
  await expect(open([2, 4])).rejects.toThrow();
  await expect(outlineOf(graph, file)).rejects.toThrow(/rows of 8 values/);
});
