const MINUS = '\u2212';
const NO_NUMBER = '\u2013';

/** A number with so many decimals and a true minus sign; a dash where there is none. */
export function fixed(value: number | undefined, decimals: number): string {
  if (value === undefined || !Number.isFinite(value)) return NO_NUMBER;
  const text = Math.abs(value).toFixed(decimals);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/** With an explicit plus: for differences. */
export function signed(value: number | undefined, decimals: number): string {
  const text = fixed(value, decimals);
  return value !== undefined && value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** Three significant digits, or whole numbers from 100 on, in thousands groups: for times, bytes, counts of passes. */
export function compact(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return NO_NUMBER;
  const size = Math.abs(value);
  if (size >= 100) return group(Math.round(value));
  if (size === 0) return '0';
  const decimals = Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(size))));
  const text = fixed(value, decimals);
  return Number.isInteger(value) ? fixed(value, 0) : text;
}

/** A whole number in groups of three, apart by thin spaces. */
export function group(value: number): string {
  const text = String(Math.abs(Math.round(value))).replace(/\B(?=(\d{3})+$)/g, '\u202f');
  return value < 0 ? MINUS + text : text;
}

/** 0.5 → 50 %. */
export function percent(share: number | undefined, decimals = 0): string {
  if (share === undefined || !Number.isFinite(share)) return NO_NUMBER;
  return `${fixed(100 * share, decimals)}\u00a0%`;
}

/** '1 image', '2 images'. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${group(n)}\u00a0${n === 1 ? one : many}`;
}

/** Decimals that show the median half-width to two significant digits, 0 to 4; without any 3, fewer from 10 on. */
export function decimalsFor(halfWidths: readonly number[], values: readonly number[] = []): number {
  const widths = halfWidths.filter(w => Number.isFinite(w) && w > 0).sort((a, b) => a - b);
  const largest = Math.max(1, ...values.map(Math.abs).filter(Number.isFinite));
  const digits =
    widths.length > 0
      ? 1 - Math.floor(Math.log10(widths[(widths.length - 1) >> 1]!))
      : 3 - Math.floor(Math.log10(largest));
  return Math.max(0, Math.min(4, digits));
}

/** p to two digits, never 0. */
export function pValue(p: number | undefined): string {
  if (p === undefined || !Number.isFinite(p)) return NO_NUMBER;
  return p < 0.001 ? '<\u20090.001' : fixed(p, p < 0.1 ? 3 : 2);
}

/** 'a', 'a and b', 'a, b and c'. */
export function listed(items: readonly string[]): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} and ${items[items.length - 1]}`;
}

/** An estimate with its interval: '0.81 (0.72 to 0.90)'. */
export function withInterval(
  { value, low, high }: { readonly value: number | null; readonly low: number | null; readonly high: number | null },
  decimals: number,
): string {
  const text = fixed(value ?? undefined, decimals);
  return low === null || high === null ? text : `${text} (${fixed(low, decimals)} to ${fixed(high, decimals)})`;
}
