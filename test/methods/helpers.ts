import { type ExplainRequest, explainSubject } from '../../src/conformance/subject.ts';
import { type Attribution, isUndefined } from '../../src/core/contracts/index.ts';

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
