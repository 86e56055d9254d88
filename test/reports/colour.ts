export type Triple = readonly [number, number, number];

/** Linear light of an sRGB value 0…255. */
export const linear = (v: number) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);

/** CIELAB under D65 of '#rgb', '#rrggbb' or sRGB, by the standard's own matrix. */
export function lab(colour: Triple | string): Triple {
  const [r, g, b] = (typeof colour === 'string' ? parsed(colour) : colour).map(linear) as unknown as Triple;
  const f = (t: number) => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116);
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
  const y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function parsed(hex: string): Triple {
  const digits = hex.length === 4 ? [...hex.slice(1)].map(d => d + d).join('') : hex.slice(1);
  return [0, 2, 4].map(i => Number.parseInt(digits.slice(i, i + 2), 16)) as unknown as Triple;
}

/** Between two points of CIELAB. */
export const distance = (a: Triple, b: Triple) => Math.hypot(...a.map((v, k) => v - b[k]!));
