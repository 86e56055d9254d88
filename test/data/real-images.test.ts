import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ModelCard, Sample } from '../../src/core/contracts/index.ts';
import { npyTensor, readNpy } from '../../src/core/npy.ts';
import { prepare, prepareMask } from '../../src/data/preparation/prepare.ts';
import { imageFolder } from '../../src/data/readers/image-folder.ts';
import { cardOf } from './cards.ts';

const shared = resolve(import.meta.dirname, '../../../shared');
const golden = resolve(shared, 'golden/real');
const base = resolve(shared, 'data');

async function samplesOf(options: object): Promise<Sample[]> {
  const dataset = await imageFolder.open(options, { base });
  const samples: Sample[] = [];
  for await (const sample of dataset.samples()) samples.push(sample);
  return samples;
}

describe.skipIf(!existsSync(golden))('real images (needs ../shared, which is not committed)', () => {
  const card = (round: boolean): ModelCard =>
    cardOf({ size: [224, 224], resize: { antialias: true, fit: 'stretch', round } });

  it('come out as Pillow makes them: exactly with whole levels, within 1.01 level without', async () => {
    const { images } = JSON.parse(readFileSync(resolve(golden, 'real.json'), 'utf8')) as { images: string[] };
    const expected = npyTensor(readNpy(readFileSync(resolve(golden, 'input.npy'))));
    const samples = await samplesOf({ path: 'covid-ct' });
    const size = 224 * 224;
    const worst = { rounded: 0, fractional: 0 };
    for (const [n, id] of images.entries()) {
      const sample = samples.find(s => s.id === id);
      const { source } = await sample!.load();
      const [rounded, fractional] = [true, false].map(round => prepare(source, card(round)).input.data);
      for (let i = 0; i < size; i++) {
        const value = expected.data[n * size + i]!;
        worst.rounded = Math.max(worst.rounded, Math.abs(rounded![i]! - value));
        worst.fractional = Math.max(worst.fractional, Math.abs(fractional![i]! - value));
      }
    }
    expect(worst.rounded).toBeLessThan(1e-6);
    expect(worst.fractional * 255).toBeLessThan(1.01);
  });

  it('covid-ct: 80 images of 45 patients and 2 labels, all decoded', async () => {
    const samples = await samplesOf({ path: 'covid-ct' });
    expect(samples).toHaveLength(80);
    expect(new Set(samples.map(s => s.patient)).size).toBe(45);
    expect(new Set(samples.map(s => s.label))).toEqual(new Set(['COVID', 'NonCOVID']));
    for (const sample of samples) {
      const { source } = await sample.load();
      expect(Math.max(...source.pixels.data.subarray(0, 1000))).toBeLessThanOrEqual(255);
    }
  });

  it('covid-ct-256: splits', async () => {
    expect(await samplesOf({ path: 'covid-ct-256', split: 'val' })).toHaveLength(118);
    expect(await samplesOf({ path: 'covid-ct-256', split: ['train', 'val'] })).toHaveLength(543);
  });

  it('covid-ct-seg: masks by name, pixels as counted in the index', async () => {
    const samples = await samplesOf({
      path: 'covid-ct-seg',
      images: 'ct',
      masks: 'infection',
      label: 'COVID',
      columns: { patient: 'inferred_volume' },
    });
    expect(samples).toHaveLength(162);
    const { source, mask } = await samples[2]!.load();
    expect(mask!.data.reduce((a, b) => a + b)).toBe(1306);
    const onGrid = prepareMask(mask!, prepare(source, card(false)));
    expect(onGrid.data.reduce((a, b) => a + b) / (224 * 224)).toBeCloseTo(1306 / (256 * 256), 3);
  });
});
