import type { PlannedExplainer } from '../../config/plan.ts';
import type { DeviceTime } from '../../core/contracts/index.ts';
import { messageOf } from '../../core/errors.ts';
import type { Rng } from '../../core/rng.ts';
import { quantile } from '../../core/statistics/quantile.ts';
import { throwIfInterrupted } from '../../jobs/interrupt.ts';
import { oneLine } from '../../jobs/outcomes.ts';
import type { TimingRow } from '../../results/rows.ts';
import { type CallContext, timeCall } from './call.ts';
import type { OpenDevice } from './devices.ts';
import { type TimedImage, variedImage } from './images.ts';

/** What the device's clock says of each method: medians over traced calls, or why there is none. */
export type DeviceTimes = ReadonlyMap<
  string,
  Pick<TimingRow, 'deviceMs' | 'deviceTimeSource' | 'transferMs' | 'deviceMemoryMb'> | { readonly why: string }
>;

/** Calls traced per method: a trace slows a device down, and says much with few calls. Slow methods have fewer. */
const CALLS = { most: 5, least: 2 };

/**
 * Runs methods on a model that reads its device's clock, apart from the calls whose wall time counts. Each method's
 * first call there compiles, under a label of its own.
 */
export async function traceMethods(
  context: CallContext & { readonly open: OpenDevice; readonly rng: Rng },
  methods: readonly PlannedExplainer[],
  images: readonly TimedImage[],
): Promise<DeviceTimes> {
  const none = (why: string) => new Map(methods.map(({ id }) => [id, { why }]));
  let model: Awaited<ReturnType<OpenDevice>>;
  try {
    model = await context.open({ trace: true });
  } catch (error) {
    throwIfInterrupted(context.signal);
    return none(`the device's clock can't be read: ${oneLine(messageOf(error))}`);
  }
  try {
    const { tracer } = model;
    if (!tracer) return none(`${model.runtime.engine} on ${model.runtime.device} offers no device clock`);
    const failed = new Map<string, { why: string }>();
    const walls = new Map<string, number[]>(methods.map(({ id }) => [id, []]));
    const call = async (method: PlannedExplainer, label: string, image: TimedImage) => {
      throwIfInterrupted(context.signal);
      if (failed.has(method.id)) return;
      tracer.begin(label);
      try {
        const { wallMs } = await timeCall(context, model, method, image);
        if (label !== labelOf(method.id, 'warm-up')) walls.get(method.id)!.push(wallMs);
      } catch (error) {
        throwIfInterrupted(context.signal);
        failed.set(method.id, { why: oneLine(messageOf(error)) });
      }
    };
    const { repeats, seconds } = context.plan.timing;
    const calls = Math.min(CALLS.most, Math.max(CALLS.least, repeats));
    const isSpent = ({ id }: PlannedExplainer) => {
      const own = walls.get(id)!;
      return own.length >= CALLS.least && own.reduce((a, b) => a + b, 0) >= 1000 * seconds;
    };
    for (const method of methods) await call(method, labelOf(method.id, 'warm-up'), images[0]!);
    for (let block = 0; block < calls; block++) {
      const image = variedImage(images[block % images.length]!, 1 + Math.floor(block / images.length));
      for (const method of context.rng.shuffle(methods.filter(m => !isSpent(m)))) {
        await call(method, labelOf(method.id, block), image);
      }
    }
    const found = await tracer.end();
    return new Map(
      methods.map(({ id }) => {
        const times = Array.from({ length: calls }, (_, block) => found.get(labelOf(id, block))).filter(t => !!t);
        const why = failed.get(id) ?? (times.length === 0 ? { why: 'the trace holds none of its calls' } : undefined);
        return [id, why ?? { ...summarise(times, walls.get(id)!), deviceTimeSource: tracer.source }];
      }),
    );
  } finally {
    await model.close();
  }
}

function labelOf(method: string, call: number | 'warm-up'): string {
  return `${method}#${call}`;
}

function summarise(
  times: readonly DeviceTime[],
  walls: readonly number[],
): Pick<TimingRow, 'deviceMs' | 'transferMs' | 'deviceMemoryMb'> {
  const median = (values: readonly number[]) => quantile(values, 0.5);
  const transfers = times.flatMap(t => t.transferMs ?? []);
  const memory = times.flatMap(t => t.peakMemoryMb ?? []);
  return {
    deviceMs: {
      p50: median(times.map(t => t.unionMs)),
      sumP50: median(times.map(t => t.sumMs)),
      samples: times.length,
      ...(walls.length > 0 ? { wallP50: median(walls) } : {}),
    },
    ...(transfers.length === 0 ? {} : { transferMs: median(transfers) }),
    ...(memory.length === 0 ? {} : { deviceMemoryMb: Math.max(...memory) }),
  };
}
