import { describe, expect, test } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import type { Anatomy } from '../../../src/data/phantom/anatomy.ts';
import { smoothField } from '../../../src/data/phantom/frame.ts';
import { Lesions } from '../../../src/data/phantom/lesions.ts';
import { attenuation } from '../../../src/data/phantom/projection/geometry.ts';
import { project } from '../../../src/data/phantom/projection/projector.ts';
import { reconstruction } from '../../../src/data/phantom/projection/reconstruction.ts';
import { drawScene, type PatientSpec, withoutNoise } from '../../../src/data/phantom/slice.ts';

const frame = { size: 160, spacing: 0.5, x0: -40.25, y0: -40.25 };

/** Lung wherever one looks. */
function lungAlone(): Anatomy {
  const n = frame.size ** 2;
  const field = (value: number) => new Float32Array(n).fill(value);
  const hila = [
    { x: 0, y: 0 },
    { x: 0, y: 0 },
  ] as const;
  const fields = { hu: field(-850), lung: field(1), depth: field(30), body: field(1), texture: field(0) };
  return { ...fields, hila, front: -100, back: 100 };
}

/** Planes of a slice, as the phantom takes them. */
const offsets = (thickness: number, count: number) =>
  Array.from({ length: count }, (_, k) => ((k - (count - 1) / 2) / count) * thickness);

/** A solid sphere of 0 HU in lung, in a slice: HU above the lung's. */
function sphere(radius: number, thickness: number, count: number): Float64Array {
  const lesions = new Lesions(createRng('sphere'), frame, lungAlone(), true);
  const at = { x: 10, y: 5 };
  lesions.blob({ ...at, rx: radius, ry: radius, angle: 0, margin: 0.6, ragged: 0 }, () => ({ hu: 0, sd: 0, veil: 0 }));
  const out = new Float64Array(frame.size ** 2);
  for (const dz of offsets(thickness, count)) {
    const { cover } = lesions.only(new Set(lesions.parts()), dz);
    for (let p = 0; p < out.length; p++) out[p]! += (850 * cover[p]!) / count;
  }
  return out;
}

describe('partial volume', () => {
  test.each([
    [5, 2, 3],
    [5, 10, 11],
    [4, 5, 5],
    [2.5, 5, 5],
    [1.5, 5, 5],
  ])('a sphere of %f mm in a slice of %f mm has its analytic share of each pixel', (radius, thickness, count) => {
    const found = sphere(radius, thickness, count);
    const half = thickness / 2;
    let [most, sum] = [0, 0];
    found.forEach((hu, p) => {
      const rho = Math.hypot(frame.x0 + (p % frame.size) * 0.5 - 10, frame.y0 + Math.floor(p / frame.size) * 0.5 - 5);
      const share = rho < radius ? Math.min(half, Math.sqrt(radius ** 2 - rho ** 2)) / half : 0;
      // At the rim the margin and the pixel's width blur it.
      if (rho < radius - 1 || rho > radius + 1) most = Math.max(most, Math.abs(hu - 850 * share));
      sum += hu * 0.25 * thickness;
    });
    // One plane more or less is inside.
    expect(most).toBeLessThanOrEqual(850 / count);
    const height = Math.min(half, radius);
    const volume = 2 * Math.PI * (radius ** 2 * height - height ** 3 / 3);
    expect(Math.abs(sum / 850 / volume - 1)).toBeLessThan(0.08);
  });

  test('scanning keeps the amount and spreads it', () => {
    const drawn = sphere(2.5, 5, 5);
    const air = new Float64Array(drawn.length).fill(-1000);
    const views = project(attenuation(air.map((hu, p) => hu + drawn[p]!)), frame);
    const image = reconstruction('soft', frame).image(views);
    const total = (values: ArrayLike<number>) => Array.from(values).reduce((sum, v) => sum + v, 0);
    expect(Math.abs((1000 * total(image)) / total(drawn) - 1)).toBeLessThan(0.03);
    const most = (values: Float64Array) => values.reduce((a, b) => Math.max(a, b), 0);
    expect(1000 * most(image)).toBeLessThan(0.98 * most(drawn));
    expect(1000 * most(image)).toBeGreaterThan(0.6 * most(drawn));
  });
});

describe('planes of a slice', () => {
  test('texture changes along the body as it does across', () => {
    const plane = (dz: number) => smoothField(createRng('field'), frame, 3.2, dz);
    const middle = plane(0);
    const correlation = (a: Float32Array) => a.reduce((sum, v, p) => sum + v * middle[p]!, 0) / a.length;
    expect(correlation(plane(0.3))).toBeGreaterThan(0.9);
    expect(correlation(plane(1.6))).toBeGreaterThan(0.4);
    expect(Math.abs(correlation(plane(6.4)))).toBeLessThan(0.2);
    expect(correlation(plane(-1.6))).toBeGreaterThan(0.4);
  });

  test('thick slices show longer vessels, paler, and less texture', () => {
    const tissue = (thickness: number) => {
      const spec: PatientSpec = {
        ...{ seed: 'planes', patient: 0, label: 'non-covid', slices: 1, size: 64 },
        projection: { kernel: 'soft', thickness },
      };
      const scene = drawScene(createRng('planes'), spec, 0, { lesions: false });
      const lung = [...scene.anatomy.lung.keys()].filter(
        p => scene.anatomy.lung[p] === 1 && scene.anatomy.depth[p]! > 5,
      );
      const hu = withoutNoise(
        scene,
        scene.planes.map(() => scene.lesions),
      );
      // Neighbours 3 mm apart without a vessel: gravity hardly tells them apart.
      const plain = lung.filter(p => Math.max(hu[p]!, hu[p + 4]!) < -820);
      const texture = plain.reduce((sum, p) => sum + (hu[p]! - hu[p + 4]!) ** 2, 0) / plain.length;
      return { planes: scene.planes.length, lung: lung.map(p => hu[p]!), texture };
    };
    const [thin, thick] = [tissue(1), tissue(5)];
    expect([thin.planes, thick.planes]).toEqual([1, 5]);
    const above = (values: number[], hu: number) => values.filter(v => v > hu).length;
    expect(above(thick.lung, -700)).toBeGreaterThan(1.1 * above(thin.lung, -700));
    expect(above(thick.lung, -100)).toBeLessThan(above(thin.lung, -100));
    expect(thick.texture).toBeLessThan(0.9 * thin.texture);
  });
});
