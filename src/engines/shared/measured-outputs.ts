import type { ModelMeasurements } from '../../core/contracts/index.ts';
import { type Judgement, judgeBeforeTail, staysBounded } from './judge-outputs.ts';
import type { SupportedCard } from './supported-card.ts';

/** What a reader of a report must know of findings that do not exclude each other. */
const FINDINGS =
  'Its findings do not exclude each other: the predicted one is that of the highest probability, so accuracy, ' +
  'calibration and outcomes tell how often that is the label of the image. Name the finding in the suite, target: NAME.';

export interface SeenOutputs {
  readonly card: SupportedCard;
  /** The softmax, log-softmax or sigmoid at the file's end. */
  readonly tail: { readonly op: string } | undefined;
  /** The scores that are explained, of each test image. */
  readonly alone: readonly Float32Array[];
  /** The same images, which are the first of them. */
  readonly images: readonly Float32Array[];
  /** What the file's own outputs look like. */
  readonly judged: Judgement;
  /** Scores of an image alone. */
  scoresOf(image: Float32Array): Promise<Float32Array>;
}

/** What outputs look like, with what is to be doubted: two images of a hundredfold contrast tell whether they are bounded. */
export async function measuredOutputs(
  seen: SeenOutputs,
): Promise<Pick<ModelMeasurements, 'emits' | 'bounded'> & { readonly warnings: readonly string[] }> {
  const { card, tail, alone, images, judged, scoresOf } = seen;
  const none = { warnings: [], ifBounded: undefined };
  const before = tail && card.explainAt !== 'output' ? judgeBeforeTail(alone, tail.op) : none;
  const warnings = [...judged.warnings, ...before.warnings];
  if (card.task === 'multi-label') warnings.push(FINDINGS);
  const ifBounded = judged.ifBounded ?? before.ifBounded;
  let bounded = false;
  if (ifBounded !== undefined) {
    // Logits run away.
    const extreme = [images[0]!.map(v => 100 * v), images[1]!.map(v => -100 * v)];
    const rows: Float32Array[] = [];
    for (const image of extreme) rows.push(await scoresOf(image));
    bounded = staysBounded(rows);
    if (bounded) warnings.push(ifBounded);
  }
  return { emits: judged.emits, ...(bounded && judged.ifBounded ? { bounded } : {}), warnings };
}
