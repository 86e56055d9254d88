import type { Rng } from '../../core/rng.ts';
import type { Anatomy } from './anatomy.ts';
import { around, type BodyFrame, clamp01, uniform } from './frame.ts';

/** Vessels and airways of the lungs: how much of each pixel they fill. */
export interface Tree {
  /** 0…1 */
  readonly vessel: Float32Array;
  readonly wall: Float32Array;
  readonly lumen: Float32Array;
}

/** A plane of the slice that is drawn. */
export interface VesselPlane {
  readonly anatomy: Anatomy;
  /** mm from the slice's middle. */
  readonly dz: number;
}

/**
 * Branching trees in the plane from each hilum, cross sections of crossing vessels, and bronchi beside them.
 * @param anatomy of the slice's middle, which decides where vessels grow
 * @param plane which plane is drawn; absent: the slice as one plane, in which vessels that leave it fade
 */
export function drawTree(rng: Rng, frame: BodyFrame, anatomy: Anatomy, amount: number, plane?: VesselPlane): Tree {
  const n = frame.size ** 2;
  const tree: Tree = { vessel: new Float32Array(n), wall: new Float32Array(n), lumen: new Float32Array(n) };
  const { lung, depth } = plane?.anatomy ?? anatomy;
  let branchesGrown = 0;
  const lungDepth = (x: number, y: number): number => {
    const j = Math.round((x - frame.x0) / frame.spacing);
    const i = Math.round((y - frame.y0) / frame.spacing);
    return i < 0 || j < 0 || i >= frame.size || j >= frame.size ? -99 : anatomy.depth[i * frame.size + j]!;
  };
  /** @param z mm above the plane at the start, and how much it rises per mm */
  const tube = (
    x: number,
    y: number,
    ex: number,
    ey: number,
    radius: number,
    fill: number,
    z: { readonly start: number; readonly rise: number },
  ): void => {
    const length = Math.hypot(ex - x, ey - y);
    const [ux, uy] = [(ex - x) / length, (ey - y) / length];
    around(frame, (x + ex) / 2, (y + ey) / 2, length / 2 + radius + frame.spacing, (p, dx, dy) => {
      const along = dx * ux + dy * uy;
      const beyond = Math.max(0, Math.abs(along) - length / 2);
      const above = z.start + z.rise * (along + length / 2);
      const distance = Math.hypot(dx * uy - dy * ux, beyond, above);
      const cover = fill * cross(radius, distance, frame.spacing) * lung[p]!;
      if (cover > tree.vessel[p]!) tree.vessel[p] = cover;
    });
  };
  const grow = (x: number, y: number, startZ: number, angle: number, radius: number, generation: number): void => {
    let [px, py, heading] = [x, y, angle];
    const steps = 2 + rng.int(3);
    // How steeply it leaves the plane: it fills less and less of the slice's thickness.
    const leaving = uniform(rng, 0.05, 0.3);
    let share = clamp01(0.35 + radius * 0.3);
    // In a plane of its own a vessel fades because it is elsewhere.
    const rise = plane ? (rng.fork('rise', branchesGrown++).next() < 0.5 ? leaving : -leaving) / 2 : 0;
    let pz = startZ;
    for (let k = 0; k < steps; k++) {
      const length = uniform(rng, 5, 9);
      heading += 0.22 * rng.normal();
      const [ex, ey] = [px + length * Math.cos(heading), py + length * Math.sin(heading)];
      const deep = lungDepth(ex, ey);
      if (deep < 3) return;
      tube(px, py, ex, ey, radius, plane ? 1 : share, { start: pz - (plane?.dz ?? 0), rise });
      pz += rise * length;
      [px, py] = [ex, ey];
      radius *= 0.92;
      share *= 1 - leaving;
    }
    if (radius < 0.4 || generation > 6) return;
    const spread = uniform(rng, 0.3, 0.75);
    for (const turn of [spread, -spread * uniform(rng, 0.6, 1.1)]) {
      const thinner = radius * uniform(rng, 0.62, 0.85);
      // Some branches are in other planes.
      if (rng.next() < 0.78) grow(px, py, pz, heading + turn, thinner, generation + 1);
    }
  };
  anatomy.hila.forEach((hilum, k) => {
    const outward = k === 0 ? Math.PI : 0;
    const branches = Math.round(4 * amount) + rng.int(3);
    for (let b = 0; b < branches; b++) {
      const angle = outward + uniform(rng, -1.45, 1.45);
      grow(hilum.x, hilum.y + 6 * rng.normal(), 0, angle, uniform(rng, 1.2, 3), 0);
    }
    crossings(rng, frame, { lung, depth }, tree, hilum, outward, Math.round(80 * amount), plane?.dz ?? 0);
  });
  return tree;
}

/** mm outwards per mm along the body. */
const CROSSING_SLOPE = 0.4;

/** Vessels through the plane are dots, larger near the hilum; some large ones have a bronchus beside them. */
function crossings(
  rng: Rng,
  frame: BodyFrame,
  anatomy: Pick<Anatomy, 'lung' | 'depth'>,
  tree: Tree,
  hilum: { x: number; y: number },
  outward: number,
  count: number,
  dz: number,
): void {
  const reach = 95;
  for (let k = 0; k < count; k++) {
    const distance = reach * Math.sqrt(rng.next());
    const angle = outward + uniform(rng, -1.7, 1.7);
    // They run outwards as they cross.
    const x = hilum.x + (distance + CROSSING_SLOPE * dz) * Math.cos(angle);
    const y = hilum.y + (distance + CROSSING_SLOPE * dz) * 1.05 * Math.sin(angle);
    const radius = Math.max(0.5, (2.6 * (1 - distance / reach) + 0.5) * uniform(rng, 0.4, 1));
    const share = uniform(rng, 0.5, 1);
    around(frame, x, y, radius + frame.spacing, (p, dx, dy) => {
      if (anatomy.depth[p]! < 3) return;
      const cover = share * cross(radius, Math.hypot(dx, dy), frame.spacing) * anatomy.lung[p]!;
      if (cover > tree.vessel[p]!) tree.vessel[p] = cover;
    });
    if (radius > 1.5 && rng.next() < 0.6) {
      const inner = radius * uniform(rng, 0.7, 1);
      const turn = uniform(rng, 0, 2 * Math.PI);
      const [bx, by] = [x + (radius + inner + 1) * Math.cos(turn), y + (radius + inner + 1) * Math.sin(turn)];
      around(frame, bx, by, inner + 1 + frame.spacing, (p, dx, dy) => {
        if (anatomy.depth[p]! < 3) return;
        const d = Math.hypot(dx, dy);
        const lumen = cross(inner, d, frame.spacing);
        tree.lumen[p] = Math.max(tree.lumen[p]!, lumen);
        tree.wall[p] = Math.max(tree.wall[p]!, cross(inner + 0.8, d, frame.spacing) - lumen);
      });
    }
  }
}

/** Share of a pixel that a disc or tube of this radius covers, at this distance from its axis. */
function cross(radius: number, distance: number, pixel: number): number {
  const edge = clamp01(0.5 + (radius - distance) / pixel);
  return edge * Math.min(1, (2 * radius) / pixel);
}
