import type { ModelMeasurements } from '../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import {
  type BesideOthers,
  besideOthers,
  difference,
  eachAlone,
  largest,
  mixedOrder,
  mixingOf,
  percent,
  runOf,
} from '../shared/independence.ts';
import { behindTail, judgeOutputs } from '../shared/judge-outputs.ts';
import { measuredOutputs } from '../shared/measured-outputs.ts';
import { probeImages } from '../shared/probe-images.ts';
import type { SupportedCard } from '../shared/supported-card.ts';
import type { Outline } from './network/outline.ts';
import type { TfjsExecutor } from './tfjs-executor.ts';

/** How far rounding moves scores between batches of other sizes, and beside other images; on GPUs it is more. */
const ROUNDING = { independent: 1e-2, unmoved: 1e-4 };
/** Passes of one image may differ by rounding, but not by this share of the largest score. */
const REPEATS = 1e-3;

/**
 * Runs test images alone, twice, and in a batch with others, and judges what the model puts out against its card.
 * @param runner takes batches of `microBatch` images
 * @returns `mixes`: whether images of a batch change each other's scores, so that each must be run alone
 * @throws CtXaiError MODEL where the same image gets other scores in another pass, or where images change each other's
 * scores and have none of their own alone; CARD where the outputs contradict the card
 */
export async function measureScores(
  runner: TfjsExecutor,
  microBatch: number,
  card: SupportedCard,
  { tail }: Pick<Outline, 'tail'>,
): Promise<{ readonly measurements: ModelMeasurements; readonly mixes: boolean }> {
  const { file, task, emits, explainAt } = card;
  const run = runOf(runner);
  const images = probeImages(card);
  const scoresOf = async (image: Float32Array) => (await run([0], [image]))[0]!;
  const alone = await eachAlone(run, images);
  const repeatError = difference(await scoresOf(images[0]!), alone[0]!) / largest(alone);
  if (repeatError > REPEATS) {
    throw new CtXaiError(
      'MODEL',
      `${file}: the same image gets other scores in each pass (they differ by ${percent(repeatError)} of the largest score).`,
      { hint: 'Save the model for inference, without layers that draw random numbers.' },
    );
  }
  let beside: BesideOthers = { alone, batchError: 0, neighbourError: 0 };
  let mixing: string | undefined;
  try {
    if (microBatch > 1) beside = await besideOthers(run, images, alone, [mixedOrder(microBatch)], [100]);
  } catch (error) {
    // Shapes with a batch of one may be written into its inner nodes.
    mixing = `It takes one image at a time only: ${messageOf(error)}`;
  }
  mixing ??= mixingOf(beside, { file, ...ROUNDING });
  const outputs = alone.map(row => behindTail(row, explainAt === 'output' ? undefined : tail?.op));
  const { warnings: doubts, ...seen } = await measuredOutputs({
    ...{ card, images, tail, alone, scoresOf },
    judged: judgeOutputs(outputs, { file, task, emits, explainAt, tail: tail?.op }),
  });
  const warnings = [...(mixing === undefined ? [] : [mixing]), ...doubts];
  const measurements = { repeatError, batchError: beside.batchError, ...seen };
  return {
    measurements: { ...measurements, ...(warnings.length > 0 ? { warnings } : {}) },
    mixes: mixing !== undefined,
  };
}
