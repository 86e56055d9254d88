import { CtXaiError } from '../../../core/errors.ts';
import type { ModelFiles } from '../keras/model-files.ts';
import type { Outline, OutlineStep } from './outline.ts';

interface NodeJson {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: {
    readonly shape?: { readonly shape?: Dims };
    readonly dtype?: { readonly type?: string | number };
  };
}

interface Dims {
  readonly dim?: readonly { readonly size?: string | number }[];
}

interface Signature {
  readonly outputs?: Readonly<Record<string, { readonly name?: string; readonly tensorShape?: Dims }>>;
}

/** The signature, which converters write into either of two places; TF.js too prefers the second. */
function signatureOf({ json }: ModelFiles): Signature | undefined {
  const { signature } = (json.userDefinedMetadata ?? {}) as { readonly signature?: Signature };
  return signature ?? (json.signature as Signature | undefined);
}

const CONSTANT: ReadonlySet<string> = new Set(['Const', 'NoOp']);

const PASSING: ReadonlySet<string> = new Set(['Identity', 'IdentityN', 'Reshape', 'Squeeze', 'ExpandDims', 'Cast']);

const PLUMBING: ReadonlySet<string> = new Set([
  ...PASSING,
  'Pack',
  'Placeholder',
  'Shape',
  'StridedSlice',
  'Transpose',
]);

const POOLS: ReadonlySet<string> = new Set(['MaxPool', 'AvgPool']);

const TAILS: ReadonlySet<string> = new Set(['Softmax', 'Sigmoid', 'LogSoftmax']);

/** @throws CtXaiError MODEL if it does not take one image, or its output can't be told. */
export function outlineGraph(files: ModelFiles, output?: string): Outline {
  const { file } = files;
  const list = (files.json.modelTopology as { node?: NodeJson[] }).node ?? [];
  const nodes = new Map(list.map(node => [node.name, node]));
  const images = list.filter(node => node.op === 'Placeholder');
  if (images.length !== 1) {
    throw new CtXaiError('MODEL', `${file}: it has ${images.length} inputs; one image is expected.`);
  }
  const kind = images[0]!.attr?.dtype?.type;
  if (typeof kind === 'string' && kind !== 'DT_FLOAT') {
    throw new CtXaiError(
      'MODEL',
      `${file}: its input '${images[0]!.name}' is of ${kind}; images of floats are needed.`,
      {
        hint: 'Models that take whole grey levels, as most detectors do, have no gradients at their image. Save the part that takes floats.',
      },
    );
  }
  const dims = (images[0]!.attr?.shape?.shape?.dim ?? []).map(d => Number(d.size ?? -1));
  if (dims.length !== 0 && dims.length !== 4) {
    const shown = dims.map(d => (d > 0 ? d : '?')).join(', ');
    throw new CtXaiError(
      'MODEL',
      `${file}: its input '${images[0]!.name}' is [${shown}]; images [batch, rows, columns, channels] are expected.`,
    );
  }
  const [batch = -1] = dims;
  if (batch > 1) {
    throw new CtXaiError('MODEL', `${file}: a batch of ${batch} images is written into it.`, {
      hint: 'Save the model with a batch of 1, or of any size.',
    });
  }
  const end = outputOf(files, list, output);
  const order = sorted(nodes, end, images[0]!.name);
  const steps = order.map((node): OutlineStep => {
    const inputs = inputsOf(node).filter(name => order.includes(nodes.get(name)!));
    const operator = node.op === 'Placeholder' ? 'Input' : node.op;
    return { name: node.name, operator, inputs, pools: POOLS.has(node.op), plumbing: PLUMBING.has(node.op) };
  });
  const last = lastReal(nodes, nodes.get(end)!);
  const tail = TAILS.has(last.op) ? { op: last.op, name: last.name } : undefined;
  const logits = tail ? inputsOf(last)[0]! : end;
  return {
    ...(batch === 1 ? { batch } : {}),
    inputShape: [1, 2, 3].map(i => (dims[i] !== undefined && dims[i] > 0 ? dims[i] : null)),
    steps,
    aliases: new Map(),
    tail,
    output: end,
    logits: { output: logits, withoutActivation: false },
  };
}

function inputsOf(node: NodeJson): string[] {
  return (node.input ?? []).filter(name => !name.startsWith('^')).map(name => name.replace(/:\d+$/, ''));
}

/** An output of a graph, as its signature or its open ends tell. */
export interface GraphOutput {
  /** In the signature. */
  readonly key: string;
  /** Of the node. */
  readonly name: string;
  /** Numbers for each image along each axis, where the signature tells. */
  readonly shape?: readonly number[];
}

/** What a graph puts out: what its signature names, else the nodes that nothing follows. */
export function outputsOf(files: ModelFiles): readonly GraphOutput[] {
  const nodes = (files.json.modelTopology as { node?: NodeJson[] }).node ?? [];
  const signed = Object.entries(signatureOf(files)?.outputs ?? {});
  if (signed.length > 0) {
    return signed.map(([key, { name = key, tensorShape }]) => {
      const [batch = -1, ...dims] = tensorShape?.dim?.map(d => Number(d.size ?? -1)) ?? [];
      const known = tensorShape?.dim && batch <= 1 && dims.every(d => d > 0);
      return { key, name: name.replace(/:\d+$/, ''), ...(known ? { shape: dims } : {}) };
    });
  }
  const used = new Set(nodes.flatMap(inputsOf));
  const open = nodes.filter(node => !used.has(node.name) && !CONSTANT.has(node.op));
  return open.map(({ name }) => ({ key: name, name }));
}

function outputOf(files: ModelFiles, nodes: readonly NodeJson[], wanted?: string): string {
  const known = outputsOf(files);
  if (wanted === undefined && known.length === 1) return known[0]!.name;
  const found = known.find(({ key, name }) => key === wanted || name === wanted)?.name;
  const any = found ?? nodes.find(node => node.name === wanted)?.name;
  if (any !== undefined) return any;
  throw new CtXaiError('MODEL', `${files.file}: its outputs are ${known.map(({ name }) => name).join(', ')}.`, {
    hint: "Name the one with the scores in the card: 'output'.",
  });
}

/** The nodes that an output follows from and that follow from the image, in the order of computation. */
function sorted(nodes: ReadonlyMap<string, NodeJson>, output: string, image: string): NodeJson[] {
  const order: NodeJson[] = [];
  const varies = new Map<string, boolean>([[image, true]]);
  const visit = (name: string): boolean => {
    const known = varies.get(name);
    if (known !== undefined) return known;
    varies.set(name, false);
    const node = nodes.get(name);
    const varying = node !== undefined && inputsOf(node).map(visit).some(Boolean);
    varies.set(name, varying);
    if (varying) order.push(node!);
    return varying;
  };
  visit(output);
  return [nodes.get(image)!, ...order];
}

function lastReal(nodes: ReadonlyMap<string, NodeJson>, node: NodeJson): NodeJson {
  const before = nodes.get(inputsOf(node)[0] ?? '');
  return PASSING.has(node.op) && before ? lastReal(nodes, before) : node;
}
