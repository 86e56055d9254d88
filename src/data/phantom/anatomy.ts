import type { Rng } from '../../core/rng.ts';
import { around, type BodyFrame, clamp01, gaussian, smoothField, smoothstep, uniform } from './frame.ts';

/** What stays the same over one patient's slices. Lengths in mm. */
export interface Habitus {
  /** Half width and half depth of the body. */
  readonly halfWidth: number;
  readonly halfDepth: number;
  /** Subcutaneous fat, and muscle with the rib cage, in front. */
  readonly fat: number;
  readonly wall: number;
  readonly heart: number;
  /** Median of the lung, HU, and its rise from front to back. */
  readonly lung: number;
  readonly gravity: number;
  readonly vessels: number;
  readonly fatHU: number;
  readonly muscleHU: number;
  readonly spongiosaHU: number;
}

/** Body 295–380 × 210–260 mm; lung, fat and soft tissue as in the phantom's table. */
export function drawHabitus(rng: Rng): Habitus {
  const halfWidth = uniform(rng, 148, 190);
  return {
    halfWidth,
    halfDepth: gaussian(rng, 118 + 0.25 * (halfWidth - 169), 6, 105, 130),
    fat: gaussian(rng, 14, 6, 5, 30),
    wall: gaussian(rng, 20, 3, 14, 27),
    heart: gaussian(rng, 1, 0.1, 0.8, 1.25),
    lung: gaussian(rng, -882, 13, -905, -850),
    gravity: uniform(rng, 9, 48),
    vessels: gaussian(rng, 1, 0.15, 0.7, 1.35),
    fatHU: uniform(rng, -113, -93),
    muscleHU: uniform(rng, 36, 46),
    spongiosaHU: gaussian(rng, 180, 30, 110, 250),
  };
}

/** SD of the lung's fine texture, and its scale in mm. */
export const TEXTURE_HU = 16;
export const TEXTURE_MM = 3.2;

/** One slice's tissue before disease, vessels and noise. */
export interface Anatomy {
  readonly hu: Float32Array;
  /** 0…1, partial volume at the edge. */
  readonly lung: Float32Array;
  /** mm from the pleura, inside the lung; negative outside. */
  readonly depth: Float32Array;
  readonly body: Float32Array;
  /** Fine texture of the lung, mean 0 and SD 1; a unit of it is `TEXTURE_HU`. */
  readonly texture: Float32Array;
  /** Where vessels enter each lung: [right, left] as seen in the image's left and right half. */
  readonly hila: readonly [{ x: number; y: number }, { x: number; y: number }];
  /** mm: front and back of the lungs. */
  readonly front: number;
  readonly back: number;
}

/** mm in the body's frame: the middle of the thoracic cavity, nearer to the front than the body's, since the back has the spine's muscles. */
const CAVITY_Y = -8;
/** mm: the middle of the superior vena cava. */
export const VENA_CAVA = { x: -23, y: CAVITY_Y - 6 } as const;

/** mm from the apices to the bases. */
const LUNG_HEIGHT = 250;

/**
 * @param middle of the slice: 0 at the apices, 1 at the bases; slices come from about 0.2 to 0.9
 * @param dz mm towards the bases from the slice's middle: the same anatomy in another plane
 */
export function drawAnatomy(rng: Rng, frame: BodyFrame, habitus: Habitus, middle: number, dz = 0): Anatomy {
  const { size, spacing, x0, y0 } = frame;
  const n = size * size;
  const hu = new Float32Array(n).fill(-1000);
  const lung = new Float32Array(n);
  const depth = new Float32Array(n);
  const body = new Float32Array(n);
  const h = habitus;
  const level = middle + dz / LUNG_HEIGHT;
  const taper = 1 - 0.1 * (1 - smoothstep(0.1, 0.45, level));
  const a = h.halfWidth * taper;
  const b = h.halfDepth * (0.96 + 0.04 * taper);
  // The thoracic cavity: an ellipse a little in front of the middle, narrow at the apices.
  const cavityA = a - h.wall - h.fat * 0.8 - 6 - 26 * (1 - smoothstep(0.12, 0.5, level));
  const cavityB = b - h.wall * 0.62 - h.fat * 0.85 - 4;
  const cavityY = CAVITY_Y;
  const shape = { p3: uniform(rng, -0.012, 0.012), p4: uniform(rng, -0.015, 0.02), tilt: uniform(rng, -0.03, 0.03) };
  const wobble = smoothField(rng, frame, 28, dz);
  const streaks = smoothField(rng, frame, 5, dz);
  const texture = smoothField(rng, frame, TEXTURE_MM, dz);
  const lobules = smoothField(rng, frame, 11, dz);
  const marrow = smoothField(rng, frame, 3, dz);

  const spineY = cavityY + cavityB * 0.66;
  const spineHalf = uniform(rng, 17, 21);
  const heartY = cavityY - cavityB * 0.18;
  const heartOn = smoothstep(0.38, 0.62, level) * h.heart;
  const hilum = Math.exp(-(((level - 0.48) / 0.16) ** 2));
  /** Half width of the mediastinum at height y; side −1 is the image's left, the patient's right. */
  const mediastinum = (side: number, y: number): number => {
    const heart = (side > 0 ? 70 : 26) * heartOn * Math.exp(-(((y - heartY) / (cavityB * 0.42)) ** 4));
    const great = 20 * Math.exp(-(((y - cavityY + 6) / 34) ** 2)) * (1 - 0.5 * heartOn);
    const root = 14 * hilum * Math.exp(-(((y - cavityY - 6) / 15) ** 2));
    const spine = (spineHalf + 3) * smoothstep(spineY - 26, spineY - 6, y);
    const aorta = side > 0 ? 30 * Math.exp(-(((y - spineY + 12) / 15) ** 2)) : 0;
    return Math.max(6 + great + root, heart, spine, aorta);
  };
  const dome = smoothstep(0.74, 1, level);
  const domes = [
    { x: -cavityA * 0.5, y: cavityY - 12, r: cavityA * 0.62 * dome, hu: 58 },
    { x: cavityA * 0.52, y: cavityY - 22, r: cavityA * 0.42 * smoothstep(0.82, 1, level), hu: 48 },
  ];

  // Powers along the axes are the same for every row or column.
  const columnBody = Float64Array.from({ length: size }, (_, j) => Math.abs((x0 + j * spacing) / a) ** 2.35);
  const columnCavity = Float64Array.from({ length: size }, (_, j) => Math.abs((x0 + j * spacing) / cavityA) ** 2.5);
  // Below this the skin is further than the thickest fat (the field's extremes stay within 6 SD) and a pixel.
  const thickest = Math.max(1.2 * h.fat + 0.8 * 6, spacing);
  const deepBody = (Math.max(0, 1 - thickest / (Math.min(a, b) * 1.08)) * (1 - 0.032)) ** 2.35;
  // Above this a pixel is outside the body, and above that 4 mm outside the cavity, whatever their shapes' details.
  const outsideBody = ((1 + spacing / Math.min(a, b)) * (1 + 0.032)) ** 2.35;
  const outsideCavity = (1 + 4.1 / Math.min(cavityA, cavityB)) ** 2.5;
  for (let i = 0; i < size; i++) {
    const y = y0 + i * spacing;
    // Flattened where it lies on the table.
    const rowBody = Math.abs(y / b) ** (y > 0 ? 3 : 2.35);
    const rowCavity = Math.abs((y - cavityY) / cavityB) ** 2.5;
    const halfMediastinum = [mediastinum(-1, y), mediastinum(1, y)] as const;
    for (let j = 0; j < size; j++) {
      const p = i * size + j;
      if (columnBody[j]! + rowBody > outsideBody) {
        depth[p] = -99;
        continue;
      }
      const x = x0 + j * spacing;
      // About the distance to the skin in mm; deep in the body it need not be known.
      let inside = Number.POSITIVE_INFINITY;
      let fat = 0;
      if (columnBody[j]! + rowBody > deepBody) {
        const phi = Math.atan2(y, x);
        const bulge = 1 + shape.p3 * Math.cos(3 * phi) + shape.p4 * Math.cos(4 * phi + shape.tilt);
        const d = (columnBody[j]! + rowBody) ** (1 / 2.35) / bulge;
        inside = (1 - d) * Math.min(a, b) * 1.08;
        fat = h.fat * (0.75 + 0.45 * Math.abs(Math.cos(phi))) + 0.8 * wobble[p]!;
      }
      const inBody = clamp01(0.5 + inside / spacing);
      body[p] = inBody;
      if (inBody === 0) {
        depth[p] = -99;
        continue;
      }
      let tissue: number;
      if (inside < 2) tissue = 25;
      else if (inside < fat) tissue = h.fatHU + 6 * streaks[p]!;
      else {
        const marbling = smoothstep(1.1, 1.7, streaks[p]! + 0.4 * wobble[p]!);
        tissue = h.muscleHU + (h.fatHU - h.muscleHU) * marbling + 3 * streaks[p]!;
      }
      const r = columnCavity[j]! + rowCavity;
      const c = r > outsideCavity ? -99 : (1 - r ** (1 / 2.5)) * Math.min(cavityA, cavityB);
      if (c > -4) {
        const m = Math.abs(x) - halfMediastinum[x < 0 ? 0 : 1] - 1.8 * wobble[p]!;
        // A smooth minimum rounds the recesses where the cavity meets the mediastinum.
        let into = smoothMin(c + 0.8 * wobble[p]!, m, 7);
        if (c > 0 && m < 0) tissue = h.fatHU + 8 * streaks[p]!;
        for (const { x: dx, y: dy, r, hu: organ } of domes) {
          if (r <= 0) continue;
          const outside = Math.hypot(x - dx, (y - dy) * 1.05) - r + 2 * wobble[p]!;
          if (outside < 0 && into > 0) tissue = organ + 4 * streaks[p]!;
          into = Math.min(into, outside);
        }
        depth[p] = into;
        const share = clamp01(0.5 + into / spacing);
        lung[p] = share;
        const posterior = clamp01((y - cavityY + cavityB) / (2 * cavityB));
        const air = h.lung + h.gravity * (posterior - 0.5) + TEXTURE_HU * texture[p]! + 7 * lobules[p]!;
        tissue += share * (air - tissue);
      } else depth[p] = -99;
      hu[p] = -1000 + inBody * (tissue + 1000);
    }
  }

  const slice: Slice = { frame, hu, lung, body, marrow, h };
  // What there is in the slice is decided in its middle; where it is, in the plane.
  drawMediastinum(rng, slice, { level: middle, cavityY, cavityB, spineY, spineHalf, heartY, heartOn });
  drawSpine(rng, slice, spineY, spineHalf);
  drawRibs(rng, slice, { a: cavityA + 6, b: cavityB + 5, y: cavityY, level: middle, dz });
  drawTable(slice, b);
  const hilumX = (s: number) => s * (mediastinum(s, cavityY + 4) + 4);
  return {
    hu,
    lung,
    depth,
    body,
    texture,
    hila: [
      { x: hilumX(-1), y: cavityY + uniform(rng, 0, 12) },
      { x: hilumX(1), y: cavityY + uniform(rng, 0, 12) },
    ],
    front: cavityY - cavityB,
    back: cavityY + cavityB,
  };
}

interface Slice {
  readonly frame: BodyFrame;
  readonly hu: Float32Array;
  readonly lung: Float32Array;
  readonly body: Float32Array;
  readonly marrow: Float32Array;
  readonly h: Habitus;
}

/** Polynomial smooth minimum (Quílez), `k` mm wide. */
function smoothMin(a: number, b: number, k: number): number {
  const t = Math.max(0, k - Math.abs(a - b)) / k;
  return Math.min(a, b) - t * t * k * 0.25;
}

/** An ellipse of one tissue, soft at the edge by a pixel; never over the lung. */
function ellipse(
  s: Slice,
  e: {
    x: number;
    y: number;
    rx: number;
    ry: number;
    angle?: number;
    hu: number;
    rim?: { mm: number; hu: number };
    overLung?: boolean;
  },
): void {
  const { frame, hu, lung, marrow } = s;
  const cos = Math.cos(e.angle ?? 0);
  const sin = Math.sin(e.angle ?? 0);
  const r = Math.min(e.rx, e.ry);
  around(frame, e.x, e.y, Math.max(e.rx, e.ry) + 2 * frame.spacing, (p, dx, dy) => {
    const u = (dx * cos + dy * sin) / e.rx;
    const v = (dy * cos - dx * sin) / e.ry;
    const inside = (1 - Math.hypot(u, v)) * r;
    const cover = clamp01(0.5 + inside / frame.spacing) * (e.overLung ? 1 : 1 - lung[p]!);
    if (cover === 0) return;
    let value = e.hu;
    if (e.rim) value += (e.rim.hu - e.hu) * clamp01(0.5 + (e.rim.mm - inside) / frame.spacing) + 35 * marrow[p]!;
    hu[p]! += cover * (value - hu[p]!);
  });
}

function drawMediastinum(
  rng: Rng,
  s: Slice,
  g: {
    level: number;
    cavityY: number;
    cavityB: number;
    spineY: number;
    spineHalf: number;
    heartY: number;
    heartOn: number;
  },
): void {
  const blood = uniform(rng, 36, 46);
  const y = g.cavityY;
  if (g.heartOn > 0.15) {
    ellipse(s, { x: 24, y: g.heartY, rx: 52 * g.heartOn, ry: g.cavityB * 0.45, angle: 0.35, hu: blood });
    ellipse(s, { x: -8, y: g.heartY + 6, rx: 26 * g.heartOn, ry: g.cavityB * 0.36, hu: blood });
  }
  const upper = 1 - g.heartOn * 0.6;
  ellipse(s, { x: -9, y: y - 12, rx: 15 * upper + 3, ry: 15 * upper + 3, hu: blood + 2 });
  ellipse(s, { x: 14, y: y - 4, rx: 13 * upper + 2, ry: 12 * upper + 2, hu: blood });
  ellipse(s, { ...VENA_CAVA, rx: 8, ry: 9, hu: blood });
  ellipse(s, { x: 22, y: g.spineY - 14, rx: 12, ry: 12, hu: blood + 1, rim: { mm: 1, hu: blood + 14 } });
  ellipse(s, { x: 6, y: g.spineY - 27, rx: 8, ry: 6, hu: 34 });
  for (let k = 0; k < 6; k++) {
    ellipse(s, {
      x: uniform(rng, -24, 24),
      y: y + uniform(rng, -25, 25),
      rx: uniform(rng, 2, 5),
      ry: uniform(rng, 2, 4),
      hu: 38,
    });
  }
  const split = smoothstep(0.34, 0.46, g.level);
  const lumen = (x: number, r: number) => {
    ellipse(s, { x, y: y + 14, rx: r + 1.6, ry: r + 1.4, hu: 20, overLung: true });
    ellipse(s, { x, y: y + 14, rx: r, ry: r * 0.92, hu: -985, overLung: true });
  };
  if (split < 0.5) lumen(uniform(rng, -3, 3), uniform(rng, 7.5, 9.5));
  else if (g.level < 0.62) {
    lumen(-16 - 12 * split, uniform(rng, 5, 6.5));
    lumen(18 + 10 * split, uniform(rng, 4.5, 6));
  }
}

function drawSpine(rng: Rng, s: Slice, y: number, half: number): void {
  const cortex = uniform(rng, 600, 950);
  const bone = s.h.spongiosaHU;
  const rim = { mm: 1.3, hu: cortex };
  for (const side of [-1, 1]) {
    ellipse(s, { x: side * 30, y: y + half + 19, rx: 25, ry: 14, angle: side * 0.25, hu: s.h.muscleHU });
    ellipse(s, { x: side * (half - 2), y: y + half + 3, rx: 4.5, ry: 9, hu: bone + 120, rim });
    ellipse(s, { x: side * (half + 11), y: y + half + 8, rx: 13, ry: 4.5, angle: side * 0.35, hu: bone + 60, rim });
    ellipse(s, { x: side * 7, y: y + half + 17, rx: 10, ry: 3.6, angle: side * -0.7, hu: bone + 150, rim });
  }
  ellipse(s, { x: 0, y: y + half + 28, rx: 3.4, ry: 12, hu: bone + 60, rim });
  ellipse(s, { x: 0, y, rx: half, ry: half * 0.78, hu: bone, rim });
  ellipse(s, { x: 0, y: y + half + 5, rx: 9, ry: 7.5, hu: 28 });
}

function drawRibs(rng: Rng, s: Slice, g: { a: number; b: number; y: number; level: number; dz: number }): void {
  const cortex = uniform(rng, 700, 1200);
  for (const side of [-1, 1]) {
    const count = 6 + rng.int(3);
    const phase = rng.next();
    for (let k = 0; k < count; k++) {
      // From near the sternum (−1.2 rad) round to the back (1.2 rad).
      // A rib slopes by about 45°: in another plane it lies further along.
      const t = -1.15 + (2.3 * (k + phase)) / count + g.dz / g.a;
      const x = side * g.a * Math.cos(t);
      const y = g.y + g.b * Math.sin(t);
      const along = Math.atan2(g.b * Math.cos(t), -side * g.a * Math.sin(t));
      const length = uniform(rng, 7, 15) * (1 + 0.5 * Math.max(0, Math.sin(t)));
      const cartilage = t < -0.85;
      ellipse(s, {
        x,
        y,
        rx: length,
        ry: uniform(rng, 3.6, 5),
        angle: along,
        hu: cartilage ? 95 : s.h.spongiosaHU,
        rim: { mm: 1.2, hu: cartilage ? 130 : cortex },
      });
    }
    if (g.level < 0.6) {
      const out = g.a + 16;
      ellipse(s, {
        x: side * out * 0.86,
        y: g.y + g.b * 0.5,
        rx: 24,
        ry: 3.4,
        angle: side * -0.95,
        hu: s.h.spongiosaHU,
        rim: { mm: 1.2, hu: cortex },
      });
    }
  }
  ellipse(s, { x: 0, y: g.y - g.b - 3, rx: 17, ry: 5, hu: s.h.spongiosaHU - 40, rim: { mm: 1.2, hu: cortex * 0.7 } });
}

/** A curved carbon shell with foam, under the body. */
function drawTable({ frame, hu, body }: Slice, halfDepth: number): void {
  const { size, spacing, x0, y0 } = frame;
  for (let j = 0; j < size; j++) {
    const x = x0 + j * spacing;
    if (Math.abs(x) > 205) continue;
    const top = halfDepth + 2 - (x * x) / 2000;
    for (let i = 0; i < size; i++) {
      const below = y0 + i * spacing - top;
      if (below < -spacing || below > 34) continue;
      const p = i * size + j;
      const shell = clamp01(1.4 - Math.abs(below - 1) / spacing) + clamp01(1.4 - Math.abs(below - 31) / spacing);
      const value = -1000 + Math.min(1, shell) * 700 + (below > 1 && below < 31 ? 55 : 0);
      hu[p] = Math.max(hu[p]!, value + body[p]! * (hu[p]! - value));
    }
  }
}
