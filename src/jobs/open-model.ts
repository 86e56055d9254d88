import { furtherTraining } from '../config/further-trainings.ts';
import type { Plan, PlannedModel } from '../config/plan.ts';
import type { Engine, FullClassifier, ModelCard, ModelVariant, OpenOptions, Runtime } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { lookUp } from '../core/registry.ts';

/** Engine losses in a row that a run survives. */
const MOST_LOSSES = 5;

export interface OpenModelOptions {
  /** What a model ran with before: its device, micro-batch, threads and workers are taken again. */
  readonly earlier?: Runtime;
  readonly cacheDir?: string;
  /** Read the device's clock. */
  readonly trace?: boolean;
  /** Which weights. Default: the original. */
  readonly variant?: ModelVariant;
  readonly signal?: AbortSignal;
}

/**
 * Opens a planned model on the plan's engine and device.
 * @throws CtXaiError ENGINE, DEVICE, MODEL, CARD, LAYER as the engine does.
 */
export async function openModel(
  plan: Pick<Plan, 'engine' | 'registry'>,
  { card, id }: PlannedModel,
  { earlier, cacheDir, trace, variant, signal }: OpenModelOptions = {},
): Promise<FullClassifier> {
  const { engine: asked, registry } = plan;
  const name = earlier?.engine ?? asked.use;
  const device = earlier?.device ?? asked.device;
  const { engine, declined = [] }: Choice =
    name === 'auto'
      ? await bestEngine([...registry.engines.values()], card, device)
      : { engine: lookUp(registry.engines, 'engine', name, 'engine.use') };
  if (!engine?.formats.includes(card.format)) {
    throw new CtXaiError(
      'ENGINE',
      `model '${id}': ${engine ? `engine '${engine.name}'` : 'no engine'} runs its format, ${card.format}.`,
    );
  }
  const options: OpenOptions = {
    device,
    ...pick('threads', earlier?.threads ?? asked.threads),
    ...pick('workers', earlier?.workers ?? asked.workers),
    ...pick('microBatch', earlier?.microBatch ?? asked.microBatch),
    ...(cacheDir === undefined ? {} : { cacheDir }),
    ...(trace ? { trace } : {}),
    ...(variant && variant.kind !== 'original' ? { variant: await fileOf(variant, card) } : {}),
    ...(signal ? { signal } : {}),
  };
  return engine.open(card, options).catch((error: unknown) => {
    if (!(error instanceof CtXaiError) || error.code !== 'DEVICE' || declined.length === 0) throw error;
    // It stood in for one that would not: that is why its device is asked for.
    const { code, message, hint } = error;
    const why = declined.map(reason => reason.replace(/\.$/, '')).join('; ');
    const said = `model '${id}': engine '${engine.name}' stands in, since ${why}; but ${message}`;
    throw new CtXaiError(code, said, { ...(hint ? { hint } : {}), cause: error });
  });
}

/** Weights of a further training are a file beside the model. */
async function fileOf(variant: ModelVariant, card: ModelCard): Promise<ModelVariant> {
  if (variant.kind !== 'trained') return variant;
  return { kind: 'file', file: await furtherTraining(card, variant.training) };
}

/** An engine that was chosen, and why others would not. */
interface Choice {
  readonly engine: Engine | undefined;
  readonly declined?: readonly string[];
}

/** The first engine that reads the model, has the device, and does not leave it to another; else the first of the rest. */
async function bestEngine(all: readonly Engine[], card: ModelCard, device: string): Promise<Choice> {
  const reading = all.filter(e => e.formats.includes(card.format));
  // Of several GPUs one is named as in `cuda:1`.
  const having = reading.filter(e => device === 'auto' || e.devices.includes(device.split(':', 1)[0]!));
  const declined: string[] = [];
  for (const engine of having) {
    const why = await engine.declines?.(card);
    if (why === undefined) return { engine, declined };
    declined.push(why);
  }
  return { engine: having[0] ?? reading[0] };
}

function pick<K extends string>(key: K, value: number | undefined): { [P in K]?: number } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: number };
}

/** A model that is opened again when its engine dies. */
export interface ModelSession {
  readonly runtime: Runtime;
  /**
   * Runs work on the model; where the engine dies in it, once more on a new one.
   * @throws what the work throws; CtXaiError ENGINE of the second death.
   */
  run<T>(work: (model: FullClassifier) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export async function openSession(
  open: (earlier?: Runtime) => Promise<FullClassifier>,
  warn: (message: string) => void,
): Promise<ModelSession> {
  let current = open();
  const { runtime } = await current;
  let losses = 0;
  const replace = async (dead: FullClassifier, error: CtXaiError): Promise<void> => {
    if ((await current) !== dead) return;
    if (++losses > MOST_LOSSES) throw new EngineLost(error);
    warn(`the engine stopped (${error.message}); it is started again.`);
    current = dead
      .close()
      .catch(() => {})
      .then(() => open(runtime));
    await current.catch((failed: unknown) => {
      throw new EngineLost(failed instanceof CtXaiError ? failed : error);
    });
  };
  return {
    runtime,
    async run(work) {
      for (let attempt = 1; ; attempt++) {
        const model = await current;
        try {
          const result = await work(model);
          losses = 0;
          return result;
        } catch (error) {
          if (!(error instanceof CtXaiError) || error.code !== 'ENGINE') throw error;
          await replace(model, error);
          if (attempt === 2) throw error;
        }
      }
    },
    async close() {
      const model = await current.catch(() => undefined);
      await model?.close();
    },
  };
}

/** The engine can't be had again: the run ends here, and can be resumed. */
export class EngineLost extends CtXaiError {
  constructor(cause: CtXaiError) {
    super('ENGINE', `the engine stopped again and again: ${cause.message}`, {
      hint: 'Start again with the same command: the run goes on. Fewer workers or a smaller micro-batch need less memory.',
      cause,
    });
  }
}
