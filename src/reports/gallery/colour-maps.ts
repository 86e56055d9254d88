/** A point of OKLab: lightness 0…1, green–red, blue–yellow (Ottosson 2020, bottosson.github.io/posts/oklab). */
export type OkLab = readonly [lightness: number, a: number, b: number];

const STEPS = 256;

const polar = (lightness: number, chroma: number, degrees: number): OkLab => [
  lightness,
  chroma * Math.cos((degrees * Math.PI) / 180),
  chroma * Math.sin((degrees * Math.PI) / 180),
];

/**
 * Colours of signed values, from −1 over 0 to 1: blue, near black, orange. Both arms are straight lines of the same
 * length in OKLab, so equal steps look equally far apart; blue and orange are told apart by all kinds of colour vision.
 */
export const SIGNED = table([polar(0.73, 0.14, 245), [0.2, 0, 0], polar(0.73, 0.14, 55)]);

/** Colours of sizes, from 0 to 1: dark blue over grey to yellow, one straight line in OKLab that grows lighter. */
export const UNSIGNED = table([polar(0.22, 0.07, 265), polar(0.92, 0.15, 100)]);

/** 256 colours, three bytes each, at equal steps along straight lines through these points. */
function table(points: readonly OkLab[]): Uint8Array {
  const out = new Uint8Array(STEPS * 3);
  for (let i = 0; i < STEPS; i++) {
    const place = (i / (STEPS - 1)) * (points.length - 1);
    const from = Math.min(points.length - 2, Math.floor(place));
    const [a, b] = [points[from]!, points[from + 1]!];
    out.set(toRgb(a.map((v, k) => v + (place - from) * (b[k]! - v)) as unknown as OkLab), i * 3);
  }
  return out;
}

/** sRGB, 0…255. */
function toRgb([lightness, a, b]: OkLab): number[] {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map(v => Math.round(255 * companded(Math.max(0, Math.min(1, v)))));
}

function companded(v: number): number {
  return v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055;
}
