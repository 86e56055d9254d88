import type { Rng } from '../../core/rng.ts';
import type { BodyFrame } from './frame.ts';
import type { Scene } from './slice.ts';

/** A change of HU, pixel by pixel. */
export type Change = ReadonlyMap<number, number>;

/** Below this, in HU, a lesion's change is within the margin of noise and leaves no mark. */
const LEAST_CHANGE = 1;
/** A place must hold this share of a lesion's change. */
const LEAST_HELD = 0.7;

/** Σ|ΔHU|. */
export function total(change: Change): number {
  let sum = 0;
  for (const hu of change.values()) sum += Math.abs(hu);
  return sum;
}

/** 1 where there is soft tissue, 4 mm and more from the lungs, without bone and air. */
export function softTissue({ anatomy }: Scene): Uint8Array {
  return Uint8Array.from(anatomy.hu, (hu, p) =>
    anatomy.body[p]! > 0.99 && anatomy.lung[p] === 0 && anatomy.depth[p]! < -4 && hu > -150 && hu < 250 ? 1 : 0,
  );
}

/** A change of HU that was moved to another place. */
export interface PlacedChange {
  readonly pixels: Change;
  /** Σ|ΔHU| of what found room there. */
  readonly held: number;
}

/**
 * A change, turned and mirrored, where it finds most room among free pixels; undefined where less than 70 % of it does.
 * @param tries how many places are looked at.
 */
export function placed(
  { size }: BodyFrame,
  rng: Rng,
  change: Change,
  free: Uint8Array,
  tries = 500,
): PlacedChange | undefined {
  const strong = [...change].filter(([, hu]) => Math.abs(hu) > LEAST_CHANGE);
  const sites = Array.from(free.keys()).filter(p => free[p] === 1);
  if (sites.length === 0 || strong.length === 0) return undefined;
  const centre = (at: (p: number) => number) =>
    strong.reduce((sum, [p, hu]) => sum + Math.abs(hu) * at(p), 0) /
    strong.reduce((sum, [, hu]) => sum + Math.abs(hu), 0);
  const [cx, cy] = [centre(p => p % size), centre(p => Math.floor(p / size))].map(Math.round) as [number, number];
  const offsets = strong.map(([p, hu]) => ({ dx: (p % size) - cx, dy: Math.floor(p / size) - cy, hu }));
  let best: Change | undefined;
  let held = LEAST_HELD * total(change);
  for (let k = 0; k < tries; k++) {
    const site = sites[rng.int(sites.length)]!;
    const [x0, y0, turn] = [site % size, Math.floor(site / size), rng.int(8)];
    const target = (o: { readonly dx: number; readonly dy: number }): number => {
      const [u, v] = turn & 4 ? [o.dy, o.dx] : [o.dx, o.dy];
      const [x, y] = [x0 + (turn & 1 ? -u : u), y0 + (turn & 2 ? -v : v)];
      return x >= 0 && y >= 0 && x < size && y < size ? y * size + x : -1;
    };
    const holds = offsets.reduce((sum, o) => (free[target(o)] === 1 ? sum + Math.abs(o.hu) : sum), 0);
    if (holds <= held) continue;
    held = holds;
    best = new Map(offsets.filter(o => free[target(o)] === 1).map(o => [target(o), o.hu]));
  }
  return best && { pixels: best, held };
}
