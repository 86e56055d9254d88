import type { Rng } from '../../core/rng.ts';
import { pick, smoothstep, uniform, weighted } from './frame.ts';
import { cellWalls, type Lesions } from './lesions.ts';

/** A disease of one patient: what each slice of the patient shows, at a level (0 apex … 1 base) and an area in mm². */
export interface Disease {
  readonly name: string;
  draw(lesions: Lesions, rng: Rng, level: number, area: number): void;
}

export const GROUND_GLASS: readonly [number, number] = [-640, -350];
export const CONSOLIDATION: readonly [number, number] = [-60, 50];

/** Ground glass, with 1 mm lines of +100…200 HU in polygons of 5–15 mm where it is crazy paving. */
function groundGlass(
  rng: Rng,
  paving: boolean,
): (p: number, x: number, y: number) => { hu: number; sd: number; veil: number } {
  const hu = uniform(rng, ...GROUND_GLASS);
  const sd = uniform(rng, 40, 75);
  const walls = paving ? cellWalls(rng, uniform(rng, 7, 13), 0.9) : undefined;
  const lines = uniform(rng, 110, 210);
  return (_p, x, y) => ({ hu: hu + (walls ? lines * walls(x, y) : 0), sd, veil: 0.15 });
}

/** Adds blobs until the area is reached, at most `most`. */
function grow(lesions: Lesions, area: number, most: number, one: (missing: number) => void): void {
  for (let k = 0; k < most; k++) {
    const missing = area - lesions.area();
    if (missing < area * 0.12) return;
    one(missing);
  }
}

const at = (lesions: Lesions, p: number): { x: number; y: number } => ({
  x: lesions.frame.x0 + (p % lesions.frame.size) * lesions.frame.spacing,
  y: lesions.frame.y0 + Math.floor(p / lesions.frame.size) * lesions.frame.spacing,
});

/** COVID-19: peripheral, multifocal, posterior-basal ground glass, crazy paving, consolidation, reverse halo. */
export function covid(rng: Rng): Disease {
  const peripheral = rng.next() < 0.66;
  const bilateral = rng.next() < 0.76;
  const side = rng.next() < 0.5 ? -1 : 1;
  const paving = rng.next() < 0.46;
  const consolidating = rng.next() < 0.42;
  const rounded = rng.next() < 0.55;
  return {
    name: 'covid',
    draw(lesions, r, level, area) {
      grow(lesions, area * (0.75 + 0.5 * level), 6, missing => {
        const site = lesions.site((depth, height, s) => {
          if (!bilateral && s !== side) return 0;
          return (peripheral ? Math.exp(-depth / 9) : Math.exp(-depth / 30)) * (0.25 + 0.75 * height);
        });
        if (!site) return;
        const size = Math.min(30, Math.sqrt((missing * uniform(r, 0.25, 0.8)) / Math.PI));
        const radius = Math.max(5, size);
        const aspect = rounded ? uniform(r, 0.8, 1.25) : uniform(r, 0.45, 0.8);
        // Flat lesions lie along the pleura.
        const angle = rounded ? uniform(r, 0, Math.PI) : Math.atan2(site.y, site.x) + Math.PI / 2;
        const glass = groundGlass(r, paving && r.next() < 0.7);
        const dense = consolidating && r.next() < 0.5;
        const halo = r.next() < 0.08;
        const solid = uniform(r, ...CONSOLIDATION);
        const core = uniform(r, 0.35, 0.75);
        lesions.blob(
          {
            ...site,
            rx: radius / Math.sqrt(aspect),
            ry: radius * Math.sqrt(aspect),
            angle,
            margin: uniform(r, 3, 8),
            ragged: uniform(r, 1.5, 4.5),
          },
          (p, t) => {
            const { x, y } = at(lesions, p);
            const g = glass(p, x, y);
            if (halo) return t > 0.75 ? { hu: solid, sd: 30, veil: 0.8 } : g;
            if (!dense) return g;
            const share = smoothstep(core + 0.2, core - 0.2, t);
            return { hu: g.hu + share * (solid - g.hu), sd: g.sd * (1 - share) + 18 * share, veil: 0.15 + 0.8 * share };
          },
        );
      });
    },
  };
}

/** One lobe or segment, filled up to a fissure: bacterial pneumonia. */
function lobarPneumonia(rng: Rng): Disease {
  const side = rng.next() < 0.5 ? -1 : 1;
  const solidShare = uniform(rng, 0.3, 0.9);
  const tilt = uniform(rng, -0.5, 0.5);
  const behind = rng.next() < 0.55;
  return {
    name: 'lobar-pneumonia',
    draw(lesions, r, _level, area) {
      const solid = uniform(r, ...CONSOLIDATION);
      const glass = groundGlass(r, false);
      const site = lesions.site((depth, height, s) =>
        s === side ? (behind ? height : 1 - height) * (depth > 4 ? 1 : 0.2) : 0,
      );
      if (!site) return;
      const radius = Math.sqrt((area * 1.7) / Math.PI);
      lesions.blob(
        {
          ...site,
          rx: radius,
          ry: radius * uniform(r, 0.8, 1.2),
          angle: uniform(r, 0, 3),
          margin: uniform(r, 4, 9),
          ragged: 3,
        },
        (p, t) => {
          const { x, y } = at(lesions, p);
          // The fissure: a straight, sharp edge.
          const beyond = (y - site.y) * (behind ? 1 : -1) + tilt * (x - site.x) * side;
          const share = smoothstep(-2, 0, beyond + radius * 0.3);
          const dense = smoothstep(solidShare + 0.25, solidShare - 0.25, t);
          const g = glass(p, x, y);
          return {
            hu: g.hu + dense * (solid - g.hu),
            sd: g.sd * (1 - dense) + 16 * dense,
            veil: 0.2 + 0.8 * dense,
            share,
          };
        },
      );
    },
  };
}

/** Metastases, granulomas: round, sharp, anywhere. */
function nodules(rng: Rng): Disease {
  const largest = uniform(rng, 6, 15);
  const subsolid = rng.next() < 0.45;
  return {
    name: 'nodules',
    draw(lesions, r, _level, area) {
      grow(lesions, area * 0.8, 14, () => {
        const site = lesions.site(depth => (depth > 3 ? 0.6 : 0.2));
        if (!site) return;
        const radius = largest * uniform(r, 0.3, 1);
        const hu = subsolid && r.next() < 0.75 ? uniform(r, ...GROUND_GLASS) : uniform(r, 0, 45);
        lesions.blob(
          {
            ...site,
            rx: radius,
            ry: radius * uniform(r, 0.85, 1.15),
            angle: 0,
            margin: uniform(r, 1, 3),
            ragged: uniform(r, 0, 0.9),
          },
          () => ({ hu, sd: 22, veil: 0.7 }),
        );
      });
    },
  };
}

/** Fluid in the dependent pleural space, 0–20 HU, with a strip of collapsed lung. */
function effusion(rng: Rng): Disease {
  const sides = rng.next() < 0.5 ? [-1, 1] : [rng.next() < 0.5 ? -1 : 1];
  const fluid = uniform(rng, 0, 20);
  return {
    name: 'effusion',
    draw(lesions, r, level, area) {
      const { front, back } = lesions.anatomy;
      const target = Math.max(400, area * (0.5 + 0.9 * level));
      const meniscus = uniform(r, 0.1, 0.3);
      for (let height = 6; height < (back - front) * 0.6; height += 4) {
        lesions.each((p, x, y, depth) => {
          if (!sides.includes(Math.sign(x))) return;
          const surface = back - height + meniscus * Math.max(0, 26 - depth);
          const share = smoothstep(-1.5, 1.5, y - surface);
          lesions.add(p, share, fluid, 6, 1);
          const collapsed = smoothstep(-9, -3, y - surface) * (1 - share);
          if (collapsed > 0.3) lesions.add(p, collapsed * 0.8, -150, 60, 0.4);
        });
        if (lesions.area() >= target) break;
      }
    },
  };
}

/** Centrilobular holes and bullae below −950 HU, upper lobes first. */
function emphysema(rng: Rng): Disease {
  const bullous = rng.next() < 0.35;
  return {
    name: 'emphysema',
    draw(lesions, r, level, area) {
      grow(lesions, area * (1.6 - level), 90, () => {
        const big = bullous && r.next() < 0.1;
        const site = lesions.site((depth, height) => (big ? Math.exp(-depth / 8) : 0.7) * (1.2 - height));
        if (!site) return;
        const radius = big ? uniform(r, 9, 20) : uniform(r, 2.5, 7);
        lesions.blob(
          {
            ...site,
            rx: radius,
            ry: radius * uniform(r, 0.7, 1.3),
            angle: uniform(r, 0, 3),
            margin: uniform(r, 2, 4),
            ragged: 1,
          },
          () => ({ hu: uniform(r, -985, -955), sd: 6, veil: big ? 1 : 0.4 }),
        );
      });
    },
  };
}

/** Subpleural basal reticulation and honeycombing: the nearest look-alike of late COVID-19. */
function fibrosis(rng: Rng): Disease {
  const honeycomb = rng.next() < 0.55;
  const cell = uniform(rng, 4, 8);
  const glass = uniform(rng, -720, -520);
  return {
    name: 'fibrosis',
    draw(lesions, r, level, area) {
      const walls = cellWalls(r, cell, 1.3);
      const patches = cellWalls(r, 55, 14);
      for (let band = 5; band < 34; band += 3) {
        lesions.each((p, x, y, depth) => {
          const low = (y - lesions.anatomy.front) / (lesions.anatomy.back - lesions.anatomy.front);
          const reach = band * (0.35 + 0.85 * low) * (0.5 + 0.7 * level) * (1 - 0.6 * patches(x, y));
          const share = smoothstep(reach + 3, reach - 3, depth);
          if (share === 0) return;
          const wall = walls(x, y);
          const inside = honeycomb && depth < 12 ? -920 : glass;
          lesions.add(p, share, inside + wall * (-180 - inside), 45, 0.5);
        });
        if (lesions.area() >= area) break;
      }
    },
  };
}

/** Heart failure: ground glass round the hila, the periphery spared, with septal lines and some fluid. */
function oedema(rng: Rng): Disease {
  const fluid = rng.next() < 0.6 ? effusion(rng.fork('effusion')) : undefined;
  return {
    name: 'oedema',
    draw(lesions, r, level, area) {
      const glass = groundGlass(r, r.next() < 0.5);
      const { hila } = lesions.anatomy;
      for (let reach = 18; reach < 80; reach += 5) {
        lesions.each((p, x, y, depth) => {
          const hilum = hila[x < 0 ? 0 : 1];
          const d = Math.hypot(x - hilum.x, (y - hilum.y) * 0.75);
          const share = smoothstep(reach + 14, reach - 10, d) * smoothstep(6, 18, depth);
          if (share === 0) return;
          const g = glass(p, x, y);
          lesions.add(p, share, g.hu, g.sd, g.veil);
        });
        if (lesions.area() >= area) break;
      }
      fluid?.draw(lesions, r, level, lesions.area() + area * 0.25);
    },
  };
}

/** Bronchiolitis: clusters of 2–4 mm nodules along the small airways (tree in bud). */
function bronchiolitis(rng: Rng): Disease {
  const side = pick(rng, [-1, 1]);
  return {
    name: 'bronchiolitis',
    draw(lesions, r, _level, area) {
      for (let cluster = 0; cluster < 7 && lesions.area() < area * 0.5; cluster++) {
        const centre = lesions.site((depth, _h, s) => (s === side ? 0.7 : 0.2) * (depth > 5 && depth < 32 ? 1 : 0.1));
        if (!centre) return;
        const glass = uniform(r, -520, -250);
        for (let k = 0; k < 16; k++) {
          const radius = uniform(r, 1.3, 2.8);
          lesions.blob(
            {
              x: centre.x + 10 * r.normal(),
              y: centre.y + 10 * r.normal(),
              rx: radius,
              ry: radius * uniform(r, 0.8, 2),
              angle: uniform(r, 0, 3),
              margin: 1.5,
              ragged: 0.4,
            },
            () => ({ hu: glass + 180, sd: 30, veil: 0.3 }),
          );
        }
      }
    },
  };
}

/** Normal CT, or another disease of the same HU and area, for the negatives. */
export function otherDisease(rng: Rng): Disease | undefined {
  if (rng.next() < 0.4) return undefined;
  const all = [lobarPneumonia, nodules, effusion, emphysema, fibrosis, oedema, bronchiolitis];
  return all[weighted(rng, [3, 2, 2, 1.5, 2, 2, 1])]!(rng);
}
