import type { Classifier, Metric, MetricContext, Score, Undefined } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { createRng } from '../core/rng.ts';
import type { Tensor } from '../core/tensor.ts';
import type { Subject } from './subject.ts';

export interface ScoreRequest {
  readonly metric: Metric;
  readonly subject: Subject;
  /** [h, w] */
  readonly attribution: Tensor;
  /** [h, w] of 0 and 1; given to metrics that need one. */
  readonly mask: Tensor;
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  readonly seed?: string;
  /** Default: remembers nothing, as while timing. */
  readonly memo?: MetricContext<unknown>['memo'];
}

export interface Scored {
  readonly result: Score | Undefined;
  readonly forward: number;
  readonly backward: number;
}

/** One score as the runner asks for it: options parsed, passes metered, an undeclared model out of reach. */
export async function scoreSubject(request: ScoreRequest): Promise<Scored> {
  const { metric, subject, attribution, mask, seed = 'conformance' } = request;
  const passes = { forward: 0, backward: 0 };
  const metered = subject.model.metered({
    forward: n => {
      passes.forward += n;
    },
    backward: n => {
      passes.backward += n;
    },
  });
  const options = metric.options.parse(request.options ?? {});
  const result = await metric.evaluate({
    ...subject,
    model: metric.needs.includes('model') ? metered : outOfReach(metric.name),
    target: { class: 0 },
    attribution,
    kind: 'additive',
    ...(metric.needs.includes('mask') ? { mask } : {}),
    options,
    rng: createRng(seed),
    memo: request.memo ?? ((_, compute) => compute()),
    mapMemo: request.memo ?? ((_, compute) => compute()),
    explain: async () => ({ map: attribution }),
    variantMaps: metric.variantsOf(options).map(variant => ({ variant, map: attribution })),
    sampleVariants: [],
    sampleVariant: async () => undefined,
    trainingImages: async () => [],
  });
  return { result, ...passes };
}

/** A memo that remembers, as the runner's does for the metrics of one image and model. */
export function rememberingMemo(): MetricContext<unknown>['memo'] {
  const held = new Map<string, Promise<unknown>>();
  return <T>(key: string, compute: () => Promise<T>): Promise<T> => {
    const value = held.get(key) ?? compute();
    held.set(key, value);
    return value as Promise<T>;
  };
}

/** A model of which nothing can be asked. */
function outOfReach(metric: string): Classifier {
  return new Proxy({} as Classifier, {
    get(_, property) {
      throw new CtXaiError('PLUGIN', `metric '${metric}' uses model.${String(property)}.`, {
        hint: "List 'model' in its needs.",
      });
    },
  });
}
