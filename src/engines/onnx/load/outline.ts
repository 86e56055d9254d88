import { Tensor } from 'onnxruntime-node';
import type { FileOutline, OutputOutline } from '../../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { sizeOf } from '../../../core/tensor.ts';
import { sizesToTry } from '../../shared/common-sizes.ts';
import { imageDims } from '../../shared/images.ts';
import { otherChannels } from '../../shared/other-channels.ts';
import { plainFault } from '../../shared/plain-fault.ts';
import { encodeByReference } from '../graph/by-reference.ts';
import { DType, type Graph, type Node, read, type ValueInfo } from '../graph/graph.ts';
import { dependents, producers } from '../graph/walk.ts';
import { createSession } from '../session/session-options.ts';
import { flatteningFirst, guessedAxes, takesRows } from './flattened.ts';
import { type ImageAxes, imageAxes, onlyInput, requireImages } from './image-axes.ts';
import { noOutput } from './no-scores.ts';
import { faultyGraph, notLoaded } from './not-loaded.ts';
import { inFloat32 } from './precision.ts';
import { PASSING, TAILS } from './tail.ts';
import { upgrade } from './upgrade/index.ts';

/** Types of outputs that may be scores; 0: the file does not say. */
const SCORES: readonly number[] = [DType.float, 0];

/**
 * What a graph says of its input and outputs, and what one pass tells where it says nothing.
 * @throws CtXaiError MODEL if it does not take one image, or runs at no common size
 */
export async function outlineOf(raw: Graph, file: string): Promise<FileOutline> {
  const { graph, input, axes, guess } = ofImages(inFloat32(upgrade(raw, file)), file);
  const { layout, channels: told, size: asked } = axes;
  const channels = told ?? channelsOf(graph, input.name) ?? 3;
  if (channels !== 1 && channels !== 3) throw otherChannels(file, input.name, channels);
  const anySize = asked.includes(null);
  const sizes = sizesToTry(asked);
  const outputs = graph.outputs.filter(o => SCORES.includes(o.dtype));
  if (outputs.length === 0) throw noOutput(raw, file);
  const found = await firstThatRuns(graph, { file, input, layout, channels, sizes, outputs });
  return {
    input: { name: input.name, layout, channels, size: found.size, anySize, ...(guess === undefined ? {} : { guess }) },
    outputs: found.outputs.map(output => outlined(graph, output, found.outputs)),
  };
}

interface OfImages {
  readonly graph: Graph;
  readonly input: ValueInfo;
  readonly axes: ImageAxes;
  readonly guess?: string;
}

/** The graph with its image input and its axes; of one that takes rows of values, the graph that flattens images first. */
function ofImages(graph: Graph, file: string): OfImages {
  const input = onlyInput(graph, file);
  if (!takesRows(input)) return { graph, input, axes: imageAxes(input, file) };
  requireImages(input, file);
  const { guess, layout, channels, size } = guessedAxes(input, graph.producer, file);
  const flattening = flatteningFirst({ ...graph, inputs: [input] }, imageDims({ layout, channels, size }));
  return { graph: flattening, input: flattening.inputs[0]!, axes: { layout, channels, size }, guess };
}

type Made = Pick<OutputOutline, 'name' | 'shape'>;

function outlined(graph: Graph, output: Made, all: readonly Made[]): OutputOutline {
  const after = dependents(graph, [output.name]);
  const tail = tailOf(graph, output.name);
  const leadsTo = all.map(other => other.name).filter(name => name !== output.name && after.has(name));
  return {
    ...{ ...output, leadsTo },
    ...(tail === undefined ? {} : { tail }),
    ...(isGreatest(graph, output.name) ? { greatest: true } : {}),
  };
}

interface Trial {
  readonly file: string;
  readonly input: ValueInfo;
  readonly layout: 'NCHW' | 'NHWC';
  readonly channels: number;
  readonly sizes: readonly (readonly number[])[];
  readonly outputs: readonly ValueInfo[];
}

type Ran = { readonly size: readonly number[]; readonly outputs: readonly Made[] };

/** The first size at which the graph runs, and how many numbers each output then has for an image. */
async function firstThatRuns(graph: Graph, { file, input, layout, channels, sizes, outputs }: Trial): Promise<Ran> {
  const told = outputs.map(({ name, dims }) => ({ name, dims: dims.slice(1) }));
  if (sizes.length === 1 && told.every(({ dims }) => dims.length > 0 && !dims.includes(null))) {
    return { size: sizes[0]!, outputs: told.map(({ name, dims }) => ({ name, shape: dims as number[] })) };
  }
  let failure: unknown;
  let merged: Ran | undefined;
  const session = await createSession(encodeByReference({ ...graph, inputs: [input] }), { logSeverityLevel: 4 }).catch(
    (cause: unknown) => {
      return notLoaded(graph, file, cause).then(error => {
        throw error;
      });
    },
  );
  try {
    for (const size of sizes) {
      const batch = input.dims[0] ?? 1;
      const dims = [batch, ...imageDims({ layout, channels, size })];
      const image = new Tensor('float32', new Float32Array(sizeOf(dims)), dims);
      try {
        const results = await session.run({ [input.name]: image });
        const made = outputs.map(({ name }) => ({ name, shape: perImage(results[name]!.dims, batch) }));
        const ran = { size, outputs: made };
        if (outputs.every(({ name }) => results[name]!.dims[0] === batch)) return ran;
        // At another size each image may have a row of its own, which a Reshape to the size of training gives.
        merged ??= ran;
      } catch (error) {
        failure ??= error;
      }
    }
  } finally {
    await session.release();
  }
  if (merged) return merged;
  const tried = sizes.map(size => size.join(' × ')).join(', ');
  throw new CtXaiError(
    'MODEL',
    `${file}: it runs on images of none of these sizes: ${tried}. ${plainFault(messageOf(failure), faultyGraph(graph))}`,
    {
      hint: 'Write a card by hand, with the input size that the model was trained with.',
    },
  );
}

/** The shape of an output for one image of a batch; where the batch is not its first axis, as many numbers in one. */
function perImage(dims: readonly number[], batch: number): readonly number[] {
  return dims[0] === batch ? dims.slice(1) : [sizeOf(dims) / batch];
}

/** Input channels of the first convolution that the image reaches. */
function channelsOf(graph: Graph, image: string): number | undefined {
  const reached = new Set([image]);
  for (const node of graph.nodes) {
    if (!node.inputs.some(name => reached.has(name))) continue;
    const weights = node.op === 'Conv' ? graph.constants.get(node.inputs[1]!) : undefined;
    if (weights) return weights.dims[1]! * read.int(node, 'group', 1);
    for (const name of node.outputs) reached.add(name);
  }
  return undefined;
}

/** The softmax, log-softmax or sigmoid that an output comes from. */
function tailOf(graph: Graph, output: string): string | undefined {
  const node = nodeBehind(graph, output);
  return node && TAILS.has(node.op) ? node.op : undefined;
}

/** Whether an output is the greatest of the probabilities or of another output, or these sorted: a prediction, told beside them. */
function isGreatest(graph: Graph, output: string): boolean {
  const node = nodeBehind(graph, output);
  if (!node || !['ReduceMax', 'TopK'].includes(node.op)) return false;
  const from = node.inputs[0]!;
  return tailOf(graph, from) !== undefined || graph.outputs.some(o => o.name === from);
}

/** The node of ONNX that a tensor comes from, whatever only passes its values on. */
function nodeBehind(graph: Graph, tensor: string): Node | undefined {
  const made = producers(graph);
  let node = made.get(tensor);
  while (node && node.domain === '' && PASSING.has(node.op)) node = made.get(node.inputs[0]!);
  return node?.domain === '' ? node : undefined;
}
