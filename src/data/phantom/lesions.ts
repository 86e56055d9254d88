import type { Rng } from '../../core/rng.ts';
import type { Anatomy } from './anatomy.ts';
import { around, type BodyFrame, clamp01, smoothField, smoothstep, uniform } from './frame.ts';

/** What disease does to the lung, pixel by pixel; composed with the anatomy in `compose`. */
export interface Damage {
  /** 0…1: how far the lung is replaced by `hu`. */
  readonly cover: Float32Array;
  readonly hu: Float32Array;
  /** 0…1: how far vessels are lost in it. */
  readonly veil: Float32Array;
}

/** What was laid over one pixel. */
interface Stroke {
  readonly pixel: number;
  readonly share: number;
  readonly value: number;
  readonly veil: number;
  /** Of a blob: what its share is in other planes. */
  readonly solid?: Solid;
}

/** A blob as a body: its sections in planes above and below are smaller. Lengths in mm. */
interface Solid {
  /** From its margin's middle, inside. */
  readonly inside: number;
  readonly radius: number;
  readonly margin: number;
  /** What its tissue leaves of it. */
  readonly part: number;
}

/** How much of a pixel a blob covers in a plane. */
function shareAt({ share, solid }: Stroke, dz: number): number {
  if (!solid || dz === 0) return share;
  const { inside, radius, margin, part } = solid;
  const section = Math.sqrt(Math.max(0, radius ** 2 - dz ** 2));
  return part * smoothstep(-margin / 2, margin / 2, inside - (radius - section));
}

/** Draws lesions. Part 0 is what was drawn diffusely, every other part one blob. */
export class Lesions implements Damage {
  readonly cover: Float32Array;
  readonly hu: Float32Array;
  readonly veil: Float32Array;
  readonly frame: BodyFrame;
  readonly anatomy: Anatomy;
  readonly rng: Rng;
  readonly #warp: Float32Array;
  readonly #texture: Float32Array;
  /** Strokes of each part, in the order in which they were laid; absent: they are not recorded. */
  readonly #strokes: Stroke[][] | undefined;
  #part = 0;

  /** @param record keeps what was drawn, so that parts can be left out afterwards. */
  constructor(rng: Rng, frame: BodyFrame, anatomy: Anatomy, record = false) {
    const n = frame.size ** 2;
    this.rng = rng;
    this.frame = frame;
    this.anatomy = anatomy;
    this.cover = new Float32Array(n);
    this.hu = new Float32Array(n);
    this.veil = new Float32Array(n);
    this.#strokes = record ? [[]] : undefined;
    this.#warp = smoothField(rng.fork('warp'), frame, 13);
    this.#texture = smoothField(rng.fork('texture'), frame, uniform(rng, 2, 5));
  }

  /** mm² of lung that is covered by more than half. */
  area(): number {
    const { cover } = this;
    const { lung } = this.anatomy;
    let pixels = 0;
    for (let p = 0; p < cover.length; p++) if (cover[p]! * lung[p]! > 0.5) pixels++;
    return pixels * this.frame.spacing ** 2;
  }

  /** Numbers of the parts in which something was drawn; none where nothing is recorded. */
  parts(): number[] {
    return (this.#strokes ?? []).flatMap((strokes, part) => (strokes.length > 0 ? [part] : []));
  }

  /** Pixels over which some parts were laid, ascending. */
  pixelsOf(parts: readonly number[]): number[] {
    const pixels = new Set(parts.flatMap(part => this.#strokes![part]!.map(stroke => stroke.pixel)));
    return [...pixels].sort((a, b) => a - b);
  }

  /**
   * What some parts alone do. Nothing else moves: they lie where they lay among all.
   * @param dz mm of the plane from the slice's middle
   */
  only(parts: ReadonlySet<number>, dz = 0): Damage {
    const n = this.cover.length;
    const damage = { cover: new Float32Array(n), hu: new Float32Array(n), veil: new Float32Array(n) };
    for (const part of this.parts()) {
      if (!parts.has(part)) continue;
      for (const stroke of this.#strokes![part]!) {
        const share = shareAt(stroke, dz);
        if (share > 0) lay(damage, stroke, share);
      }
    }
    return damage;
  }

  /** Lays `share` (0…1) of a tissue of `hu` ± texture over a pixel; the denser tissue wins where lesions overlap. */
  add(p: number, share: number, hu: number, textureSD: number, veil: number, solid?: Solid): void {
    if (share <= 0) return;
    const value = hu + textureSD * this.#texture[p]!;
    const stroke = { pixel: p, share, value, veil, ...(solid ? { solid } : {}) };
    this.#strokes?.[this.#part]?.push(stroke);
    lay(this, stroke);
  }

  /** An irregular ellipse with a soft margin; `tissue` says what fills it, from 0 (centre) to 1 (margin). */
  blob(
    b: { x: number; y: number; rx: number; ry: number; angle: number; margin: number; ragged: number },
    tissue: (p: number, radius: number) => { hu: number; sd: number; veil: number; share?: number },
  ): void {
    const { anatomy, frame } = this;
    const cos = Math.cos(b.angle);
    const sin = Math.sin(b.angle);
    const mean = Math.sqrt(b.rx * b.ry);
    const side = Math.sign(b.x);
    this.#part = (this.#strokes?.push([]) ?? 1) - 1;
    around(frame, b.x, b.y, Math.max(b.rx, b.ry) * 1.4 + b.margin, (p, dx, dy) => {
      if (anatomy.depth[p]! < -frame.spacing || Math.sign(b.x + dx) !== side) return;
      const u = (dx * cos + dy * sin) / b.rx;
      const v = (dy * cos - dx * sin) / b.ry;
      const radius = Math.hypot(u, v);
      const inside = (1 - radius) * mean + b.ragged * this.#warp[p]!;
      const share = smoothstep(-b.margin / 2, b.margin / 2, inside);
      if (share === 0) return;
      const t = tissue(p, radius);
      const solid = { inside, radius: mean, margin: b.margin, part: t.share ?? 1 };
      this.add(p, share * (t.share ?? 1), t.hu, t.sd, t.veil, solid);
    });
    this.#part = 0;
  }

  /** A lung pixel drawn with probability ∝ weight(depth mm, height 0 front … 1 back, side). */
  site(weight: (depth: number, height: number, side: number) => number): { x: number; y: number } | undefined {
    const { anatomy, frame, rng } = this;
    const { size, spacing, x0, y0 } = frame;
    for (let attempt = 0; attempt < 4000; attempt++) {
      const p = rng.int(size * size);
      const depth = anatomy.depth[p]!;
      if (depth < 2) continue;
      const x = x0 + (p % size) * spacing;
      const y = y0 + Math.floor(p / size) * spacing;
      const height = clamp01((y - anatomy.front) / (anatomy.back - anatomy.front));
      if (rng.next() < weight(depth, height, Math.sign(x))) return { x, y };
    }
    return undefined;
  }

  /** Calls `visit` for every pixel of the lungs. */
  each(visit: (p: number, x: number, y: number, depth: number) => void): void {
    const { size, spacing, x0, y0 } = this.frame;
    for (let p = 0; p < size * size; p++) {
      if (this.anatomy.lung[p]! > 0) {
        visit(p, x0 + (p % size) * spacing, y0 + Math.floor(p / size) * spacing, this.anatomy.depth[p]!);
      }
    }
  }
}

function lay({ cover, hu, veil: veils }: Damage, stroke: Stroke, share = stroke.share): void {
  const { pixel: p, value, veil } = stroke;
  const before = cover[p]!;
  if (share >= before) {
    hu[p] = before > 0.3 ? Math.max(value, hu[p]!) : value;
    cover[p] = share;
  }
  veils[p] = Math.max(veils[p]!, veil * share);
}

/** Walls of a cellular pattern of polygons `cell` mm wide: 1 on a wall of `width` mm, 0 inside. */
export function cellWalls(rng: Rng, cell: number, width: number): (x: number, y: number) => number {
  const key = rng.int(1 << 30);
  // A hash of the lattice cell, so that the pattern needs no array and no bounds.
  const jitter = (i: number, j: number, k: number): number => {
    let h = Math.imul(i, 374761393) ^ Math.imul(j, 668265263) ^ Math.imul(k, 2246822519) ^ key;
    h = Math.imul(h ^ (h >>> 13), 1274126177);
    return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
  };
  return (x, y) => {
    const [ci, cj] = [Math.floor(x / cell), Math.floor(y / cell)];
    let [first, second] = [Infinity, Infinity];
    for (let i = ci - 1; i <= ci + 1; i++) {
      for (let j = cj - 1; j <= cj + 1; j++) {
        const d = Math.hypot((i + jitter(i, j, 1)) * cell - x, (j + jitter(i, j, 2)) * cell - y);
        if (d < first) {
          second = first;
          first = d;
        } else if (d < second) second = d;
      }
    }
    return clamp01(1 - (second - first) / 2 / width);
  };
}
