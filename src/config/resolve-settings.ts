import type { Baseline, ModelCard } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { lookUp, type Registry } from '../core/registry.ts';
import type { PlannedEngine, PlannedTiming } from './plan.ts';
import { engineSchema, type Suite, timingSchema } from './schema.ts';
import type { CheckContext } from './validate.ts';

/**
 * The engine's settings. Whether its device is there is found out when a model is opened.
 * @throws CtXaiError SUITE if there is no such engine, or none (or not this one) reads a model's format.
 */
export function resolveEngine(
  suite: Suite,
  registry: Registry,
  place: CheckContext['place'],
  cards: readonly ModelCard[],
): PlannedEngine {
  const { use, device, threads, workers, microBatch } =
    typeof suite.engine === 'string' ? engineSchema.parse({ use: suite.engine }) : suite.engine;
  const engines =
    use === 'auto'
      ? [...registry.engines.values()]
      : [lookUp(registry.engines, 'engine', use, `${place(['engine'])}: engine`)];
  const unread = cards.find(card => !engines.some(engine => engine.formats.includes(card.format)));
  if (unread) {
    const which = use === 'auto' ? 'no engine reads' : `the engine '${use}' does not read`;
    const formats = [...new Set(engines.flatMap(engine => engine.formats))].join(', ');
    throw new CtXaiError('SUITE', `${place(['engine'])}: ${which} '${unread.id}', whose format is ${unread.format}.`, {
      hint: `Formats read: ${formats || 'none'}.`,
    });
  }
  return {
    use,
    device,
    ...(threads === undefined ? {} : { threads }),
    ...(workers === undefined ? {} : { workers }),
    ...(microBatch === undefined ? {} : { microBatch }),
  };
}

export function resolveTiming({ timing }: Suite): PlannedTiming {
  const { devices, budgets, ...rest } = typeof timing === 'boolean' ? timingSchema.parse({ enabled: timing }) : timing;
  return {
    ...rest,
    ...(devices === undefined || devices.length === 0 ? {} : { devices: [...new Set(devices)] }),
    budgets: [...new Set(budgets)].sort((a, b) => a - b),
  };
}

interface PartWithBaseline {
  readonly baseline?: string;
  readonly inner?: PartWithBaseline;
}

/** The baselines that parts of a plan name, and those that they wrap. */
export function baselinesOf(parts: readonly PartWithBaseline[], registry: Registry): Map<string, Baseline> {
  const all = parts.flatMap(part => [part, ...(part.inner ? [part.inner] : [])]);
  const names = new Set(all.flatMap(part => part.baseline ?? []));
  return new Map([...names].map(name => [name, registry.baselines.get(name)!]));
}
