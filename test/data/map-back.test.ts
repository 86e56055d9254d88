import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { tensor } from '../../src/core/tensor.ts';
import { openFile } from '../../src/data/open-file.ts';
import { fromGrid, geometryOf, gridSpacing, layOut, toGrid } from '../../src/data/preparation/geometry.ts';
import { readNiftiVolume } from '../../src/data/volumes/nifti-file.ts';
import { niftiOfMap } from '../../src/data/volumes/write-nifti.ts';
import { cardOf } from './cards.ts';
import { temporaryFolder } from './images.ts';

const golden = resolve(import.meta.dirname, '../golden');
const base = temporaryFolder();

it.each(['stretch', 'crop', 'pad'] as const)('%s: what is linear comes back from the grid as it was', fit => {
  const [h, w] = [60, 100];
  const image = tensor(
    [h, w],
    Float32Array.from({ length: h * w }, (_, i) => 2 * Math.floor(i / w) - 3 * (i % w)),
  );
  const geometry = layOut([h, w], [24, 32], fit);
  const back = fromGrid(toGrid(image, geometry, { beyond: 0, antialias: false }), geometry);
  const { top, left, height, width } = geometry.window;
  let compared = 0;
  for (let y = 8; y < h - 8; y++) {
    for (let x = 8; x < w - 8; x++) {
      const i = y * w + x;
      const inWindow = y >= top && y < top + height && x >= left && x < left + width;
      const far = y >= top + 8 && y < top + height - 8 && x >= left + 8 && x < left + width - 8;
      if (!inWindow) expect(back.data[i]).toBe(0);
      else if (far) {
        expect(Math.abs(back.data[i]! - image.data[i]!)).toBeLessThan(0.01);
        compared++;
      }
    }
  }
  expect(compared).toBeGreaterThan(1000);
});

it('a map over an oblique slice lies where the slice lies, as NIfTI', async () => {
  const { readers } = builtinRegistry();
  const sample = await openFile(join(golden, 'volumes/oblique-sform.nii'), readers, { slice: 1 });
  const { source } = await sample.load();
  const path = join(base, 'map.nii.gz');
  const map = tensor(
    source.pixels.shape,
    source.pixels.data.map((_, i) => i),
  );
  writeFileSync(path, niftiOfMap(map, source));
  const volume = await readNiftiVolume(path);
  const [h, w] = source.pixels.shape as [number, number];
  expect(volume.shape).toEqual([w, h, 1]);
  volume.origin.forEach((v, i) => {
    expect(v).toBeCloseTo(source.placement!.origin[i]!, 3);
  });
  const [down, right] = source.placement!.axes;
  for (let i = 0; i < 3; i++) {
    expect(volume.axes[0][i]).toBeCloseTo(right![i]!, 4);
    expect(volume.axes[1][i]).toBeCloseTo(down![i]!, 4);
  }
  expect(volume.spacing[0]).toBeCloseTo(source.spacing![1]!, 4);
  expect(volume.spacing[1]).toBeCloseTo(source.spacing![0]!, 4);
  expect([volume.data[0], volume.data[1], volume.data[w]]).toEqual([0, 1, w]);
});

it('without a place only the spacing is written', async () => {
  const path = join(base, 'bare.nii.gz');
  writeFileSync(path, niftiOfMap(tensor([2, 3]), { spacing: [0.7, 0.8], acquisition: { thicknessMm: 5 } }));
  expect((await readNiftiVolume(path)).spacing.map(s => Number(s.toFixed(4)))).toEqual([0.8, 0.7, 5]);
});

it('at a spacing of its own the grid shows so many millimetres, whatever the source, and maps come back in place', () => {
  const card = (spacing: number) => cardOf({ size: [32, 32], resize: { antialias: true, fit: 'stretch', spacing } });
  for (const sides of [
    [0.5, 0.5],
    [2, 1],
  ] as const) {
    const image = tensor([100, 120]);
    image.data[48 * 120 + 70] = 1;
    const source = { pixels: image, spacing: sides };
    const geometry = geometryOf(source, card(1), 'it');
    gridSpacing(geometry, sides).forEach(mm => {
      expect(Math.abs(mm - 1)).toBeLessThan(0.05);
    });
    const back = fromGrid(toGrid(image, geometry, { beyond: 0, antialias: true }), geometry);
    const at = back.data.indexOf(Math.max(...back.data));
    expect(Math.abs(Math.floor(at / 120) - 48)).toBeLessThanOrEqual(2);
    expect(Math.abs((at % 120) - 70)).toBeLessThanOrEqual(2);
  }
  expect(() => geometryOf({ pixels: tensor([9, 9]) }, card(1), 'it')).toThrow(/does not say its spacing/);
  expect(() => geometryOf({ pixels: tensor([9, 9]), spacing: [1e-9, 1] }, card(1), 'it')).toThrow(/can't be/);
});
