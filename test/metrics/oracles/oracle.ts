import type {
  ExplainAgain,
  Metric,
  MetricContext,
  ModelVariant,
  Score,
  Undefined,
} from '../../../src/core/contracts/index.ts';
import type { Tensor } from '../../../src/core/tensor.ts';
import { evaluate, map, type Scene } from '../scene.ts';

/** What a metric must give where the right value is known. */
export interface Oracle {
  /** The algebra that says so. */
  readonly because: string;
  readonly value: number;
  /** How far off the value may be; default: rounding. */
  readonly within?: number;
  right(metric: Metric): Promise<Score | Undefined>;
  /** A deliberately wrong answer, which the metric must tell apart. */
  wrong(metric: Metric): Promise<Score | Undefined>;
}

export type Oracles = Readonly<Record<string, Oracle>>;

export interface Given {
  readonly because: string;
  readonly value: number;
  readonly within?: number;
  readonly options?: Record<string, unknown>;
  readonly right: Scene;
  readonly wrong: Scene;
  readonly more?: Partial<MetricContext<unknown>>;
  /** Where the wrong answer lies in what is given beside the map. */
  readonly wrongMore?: Partial<MetricContext<unknown>>;
}

/** The oracle of a metric of one map: a scene with the right map, and one with the wrong one. */
export function ofMap({ options = {}, right, wrong, more = {}, wrongMore = more, ...known }: Given): Oracle {
  return {
    ...known,
    right: metric => evaluate(metric, right, options, more),
    wrong: metric => evaluate(metric, wrong, options, wrongMore),
  };
}

/** An explainer whose maps are given by a formula. */
export function explaining(of: (request: ExplainAgain) => Tensor): Pick<MetricContext<unknown>, 'explain'> {
  return { explain: async request => ({ map: of(request) }) };
}

/** Maps under the metric's model variants. */
export function under(variants: readonly ModelVariant[], of: (variant: ModelVariant) => Tensor) {
  return { variantMaps: variants.map(variant => ({ variant, map: of(variant) })) };
}

export function negated(t: Tensor): Tensor {
  return { shape: t.shape, data: t.data.map(v => -v) };
}

/** A map of `side` × `side` by a formula of row and column. */
export function square(side: number, of: (y: number, x: number) => number): Tensor {
  return map(
    side,
    side,
    Array.from({ length: side * side }, (_, i) => of(Math.floor(i / side), i % side)),
  );
}
