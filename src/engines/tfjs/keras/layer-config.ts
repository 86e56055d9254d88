import { CtXaiError } from '../../../core/errors.ts';

/** A layer's settings as its JSON has them. */
export type Config = Readonly<Record<string, unknown>>;

/** Reads a layer's settings; `layer` is how messages call it. */
export class LayerSettings {
  readonly layer: string;
  readonly #config: Config;

  constructor(layer: string, config: Config) {
    this.layer = layer;
    this.#config = config;
  }

  number(key: string, otherwise: number): number {
    const value = this.#config[key] ?? otherwise;
    return typeof value === 'number' ? value : this.#wrong(key, 'a number');
  }

  text(key: string, otherwise: string): string {
    const value = this.#config[key] ?? otherwise;
    return typeof value === 'string' ? value : this.#wrong(key, 'a word');
  }

  flag(key: string, otherwise: boolean): boolean {
    const value = this.#config[key] ?? otherwise;
    return typeof value === 'boolean' ? value : this.#wrong(key, 'true or false');
  }

  /** A number that stands for both, or [rows, columns]. */
  pair(key: string, otherwise: readonly [number, number]): readonly [number, number] {
    const value = this.#config[key] ?? otherwise;
    if (typeof value === 'number') return [value, value];
    const [a, b] = Array.isArray(value) ? value : [];
    return typeof a === 'number' && typeof b === 'number' ? [a, b] : this.#wrong(key, 'a number or two');
  }

  /** n, [rows, columns] or [[top, bottom], [left, right]] */
  margins(key: string): readonly [readonly [number, number], readonly [number, number]] {
    const value = this.#config[key] ?? 1;
    if (!Array.isArray(value) || value.every(v => typeof v === 'number')) {
      const [a, b] = this.pair(key, [1, 1]);
      return [
        [a, a],
        [b, b],
      ];
    }
    const [[top, bottom] = [], [left, right] = []] = value as number[][];
    if ([top, bottom, left, right].every(v => typeof v === 'number')) {
      return [
        [top!, bottom!],
        [left!, right!],
      ];
    }
    return this.#wrong(key, '[[top, bottom], [left, right]]');
  }

  /** A number or a list of them. */
  numbers(key: string): readonly number[] {
    const value = this.#config[key];
    if (typeof value === 'number') return [value];
    if (value === undefined || value === null) return [];
    if (Array.isArray(value) && value.every(v => typeof v === 'number')) return value;
    return this.#wrong(key, 'numbers');
  }

  /** Dimensions; −1, which TF.js writes as null, stands for what is left. */
  dims(key: string): readonly number[] {
    const value = this.#config[key];
    const dims = Array.isArray(value) ? value.map(d => d ?? -1) : [];
    return dims.length > 0 && dims.every(d => typeof d === 'number') ? dims : this.#wrong(key, 'a shape');
  }

  has(key: string): boolean {
    return this.#config[key] !== undefined && this.#config[key] !== null;
  }

  #wrong(key: string, wanted: string): never {
    const got = JSON.stringify(this.#config[key]);
    throw new CtXaiError('MODEL', `layer '${this.layer}': '${key}' is ${got}; ${wanted} is expected.`);
  }
}
