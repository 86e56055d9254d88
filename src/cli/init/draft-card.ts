import { basename } from 'node:path';
import { inlineCard } from '../../config/card.ts';
import type { CardFile } from '../../config/card-schema.ts';
import type { FileOutline, FullClassifier, ModelCard, OutputOutline } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import type { Registry } from '../../core/registry.ts';
import { sizeOf } from '../../core/tensor.ts';
import { openModel } from '../../jobs/open-model.ts';

/** What is written into a card, as far as it is not left to defaults. */
export interface DraftCard {
  readonly file: string;
  readonly task: ModelCard['task'];
  readonly emits: ModelCard['emits'];
  readonly explainAt?: ModelCard['explainAt'];
  readonly classes: readonly string[];
  readonly positive?: string;
  readonly output?: string;
  readonly input: Pick<ModelCard['input'], 'channels' | 'layout'> & { readonly size: readonly number[] };
  readonly intensity: Partial<CardFile['intensity']>;
}

type Claim = Pick<DraftCard, 'task' | 'emits' | 'explainAt'>;

/** What a model may emit, the likeliest first; outputs can contradict it. */
function claims(units: number, tail: string | undefined, regression: boolean): readonly Claim[] {
  if (regression) return [{ task: 'regression', emits: 'logits' }];
  const atOutput = { emits: 'probabilities', explainAt: 'output' } as const;
  if (units === 1) {
    if (tail === 'Sigmoid') return [{ task: 'sigmoid', emits: 'probabilities' }];
    return [
      { task: 'sigmoid', emits: 'logits' },
      { task: 'sigmoid', ...atOutput },
    ];
  }
  if (tail === 'Softmax') return [{ task: 'softmax', emits: 'probabilities' }];
  if (tail === 'LogSoftmax') return [{ task: 'softmax', emits: 'logits' }];
  if (tail === 'Sigmoid') return [{ task: 'multi-label', emits: 'probabilities' }];
  return [
    { task: 'softmax', emits: 'logits' },
    { task: 'softmax', ...atOutput },
    { task: 'multi-label', ...atOutput },
  ];
}

/** A model that opened under one of the cards that it may have. */
export interface OpenedDraft {
  readonly draft: DraftCard;
  readonly card: ModelCard;
  readonly model: FullClassifier;
}

/**
 * Opens a model under the first card that its outputs do not contradict: as one of logits, unless they stay within 0…1
 * on all images and can be probabilities.
 * @param draft The card without what the model emits.
 * @param folder Where the card's paths start.
 * @throws CtXaiError as the engine does; of several cards that fail, what it said of the first
 */
export async function openDraft(
  draft: Omit<DraftCard, 'task' | 'emits'>,
  {
    units,
    tail,
    regression = false,
    folder,
  }: {
    readonly units: number;
    readonly tail: string | undefined;
    /** Whether the model gives a value and no class. */
    readonly regression?: boolean;
    readonly folder: string;
  },
  options: { readonly registry: Registry; readonly cacheDir: string; readonly signal: AbortSignal },
): Promise<OpenedDraft> {
  let first: unknown;
  let doubtful: OpenedDraft | undefined;
  for (const claim of claims(units, tail, regression)) {
    const made: DraftCard = { ...draft, ...claim };
    try {
      const card = asCard(made, folder);
      const { registry, ...rest } = options;
      const planned = { id: card.id, card, digest: '', classOf: new Map<string, number>() };
      const model = await openModel({ engine: { use: 'auto', device: 'auto' }, registry }, planned, rest);
      const opened = { draft: made, card, model };
      if (!model.runtime.measured?.bounded) {
        await doubtful?.model.close();
        return opened;
      }
      doubtful ??= opened;
    } catch (error) {
      if (!(error instanceof CtXaiError) || error.code !== 'CARD') {
        await doubtful?.model.close();
        throw error;
      }
      first ??= error;
    }
  }
  if (doubtful) return doubtful;
  throw first;
}

export function asCard(draft: DraftCard, folder: string): ModelCard {
  return inlineCard(draft, { folder, place: () => basename(draft.file) });
}

/** The output that holds the scores. */
export interface ScoresOutput {
  /** Numbers for each image. */
  readonly units: number;
  /** The operator at its end, where it is a softmax, log-softmax or sigmoid. */
  readonly tail: string | undefined;
  /** Its name, where there are others. */
  readonly output?: string;
}

/**
 * Which output holds the scores, and how many they are for an image. Of several outputs, the one with as many as there
 * are labels; else one that no other kind of output is made of, as logits are made of features. The
 * greatest of some scores is none of these.
 * @throws CtXaiError MODEL where no output holds scores of images
 */
export function scoresOf({ outputs }: FileOutline, labels: number, file: string): ScoresOutput {
  if (outputs.length === 0) {
    throw new CtXaiError('MODEL', `${file}: none of its outputs is a tensor of floats, so it puts out no scores.`, {
      hint: "Write a card by hand that names an inner tensor with the scores: 'output: …'.",
    });
  }
  const flat = withoutBoxes(outputs);
  if (flat.length === 0) throw onlyMaps(outputs, file);
  const plain = flat.filter(output => !output.greatest);
  const rows = plain.length > 0 ? plain : flat;
  const few = rows.filter(o => o.shape !== undefined && sizeOf(o.shape) <= 1000);
  const last = few.filter(o => rows.every(other => !o.leadsTo.includes(other.name) || sameSize(o, other)));
  const chosen = byLabels(few, last, labels) ?? last[0] ?? few[0] ?? rows[0]!;
  const units = chosen.shape ? sizeOf(chosen.shape) : Math.max(2, labels);
  return { units, tail: chosen.tail, ...(outputs.length > 1 ? { output: chosen.name } : {}) };
}

/**
 * The output with as many scores as there are labels; else one of a single number, as a sigmoid's or a regression's.
 * Where labels are not known, a single number beside scores of classes is rather how sure the model is of these.
 */
function byLabels(
  few: readonly OutputOutline[],
  last: readonly OutputOutline[],
  labels: number,
): OutputOutline | undefined {
  const units = ({ shape }: OutputOutline) => sizeOf(shape!);
  const single = few.filter(o => units(o) === 1);
  if (labels > 0) return few.find(o => units(o) === labels) ?? single[0];
  return single.find(o => o.tail !== undefined) ?? last.find(o => units(o) > 1) ?? single[0];
}

/** Axes with several values, or with as many as there are boxes, of which an image may have none. */
const longAxes = ({ shape = [] }: OutputOutline) => shape.filter(d => d !== 1);

/** Whether an output has several values in more than one axis, such as a class for each pixel. */
const isMap = (output: OutputOutline) => longAxes(output).length > 1 || output.shape?.includes(0) === true;

/** The outputs that may be rows of scores: no maps, nor what is told of each of a detector's boxes, and how many these are. */
function withoutBoxes(outputs: readonly OutputOutline[]): readonly OutputOutline[] {
  const flat = outputs.filter(output => !isMap(output));
  // Four corners for each box, or more where points are told too: far fewer than boxes.
  const boxes = outputs.map(longAxes).flatMap(([count, of, ...rest]) => {
    const few = of !== undefined && rest.length === 0 && of >= 4 && of <= MOST_OF_BOX;
    return few && (count === 0 || count! > of) ? [count] : [];
  });
  if (boxes.length === 0) return flat;
  const ofBoxes = flat.filter(output => longAxes(output).length === 1 && boxes.includes(longAxes(output)[0]));
  const isCount = (output: OutputOutline) => longAxes(output).length === 0;
  return ofBoxes.length > 0 || boxes.includes(0) ? flat.filter(o => !ofBoxes.includes(o) && !isCount(o)) : flat;
}

/** Numbers that a detector gives for a box: its corners, and points in it. */
const MOST_OF_BOX = 64;

const sameSize = (a: OutputOutline, b: OutputOutline) => sizeOf(a.shape ?? []) === sizeOf(b.shape ?? []);

function onlyMaps(outputs: readonly OutputOutline[], file: string): CtXaiError {
  const shown = outputs.map(({ name, shape }) => `'${name}' has [${shape!.join(', ')}] for each image`).join('; ');
  return new CtXaiError(
    'MODEL',
    `${file}: it puts out no scores of images: ${shown}, as detectors and segmentations do.`,
    {
      hint: "Supported are classifiers, which give one row of scores for each image. Export the network so, or write a card that names a tensor with such scores inside the graph: 'output: …'.",
    },
  );
}
