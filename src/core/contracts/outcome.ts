/** Why a value has no meaning here. It never stands in a table as a number. */
export interface Undefined {
  readonly undefined: string;
}

/** `ok`: a number or map. `undefined`: it has no meaning here. `skipped`: not applicable. `failed`: something broke. */
export type Status = 'ok' | 'undefined' | 'skipped' | 'failed';

export function undefinedBecause(reason: string): Undefined {
  return { undefined: reason };
}

export function isUndefined(result: object): result is Undefined {
  return 'undefined' in result;
}

/** Images sent through a model: forward passes, and backward passes for gradients. */
export interface PassCount {
  readonly forward: number;
  readonly backward: number;
}
