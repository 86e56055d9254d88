import { type ExplainRequest, explainSubject } from '../../src/conformance/subject.ts';
import { type Attribution, isUndefined } from '../../src/core/contracts/index.ts';
import { createRng, type Rng } from '../../src/core/rng.ts';

/** The map that an explainer gives, or an error with the reason why there is none. */
export async function mapOf(request: ExplainRequest): Promise<Attribution> {
  const { result } = await explainSubject(request);
  if (isUndefined(result)) throw new Error(`undefined: ${result.undefined}`);
  return result;
}

/** Why an explainer gives no map. */
export async function reasonOf(request: ExplainRequest): Promise<string> {
  const { result } = await explainSubject(request);
  if (!isUndefined(result)) throw new Error('there is a map');
  return result.undefined;
}

/** A random stream that gives recorded numbers, in their order; it throws when they are used up. */
export function replayed(recorded: { next?: ArrayLike<number>; normal?: ArrayLike<number> }): Rng {
  const from =
    (values: ArrayLike<number>, at = { i: 0 }) =>
    () => {
      if (at.i >= values.length) throw new Error(`more than the ${values.length} recorded numbers were drawn`);
      return values[at.i++]!;
    };
  return {
    ...createRng('replayed'),
    ...(recorded.next ? { next: from(recorded.next) } : {}),
    ...(recorded.normal ? { normal: from(recorded.normal) } : {}),
  };
}

/** ‖a − b‖ / ‖b‖ */
export function relativeL2(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}

export const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);
