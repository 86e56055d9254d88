import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../../src/builtin.ts';
import { loadPlan } from '../../../src/config/resolve.ts';
import { createRng } from '../../../src/core/rng.ts';
import { drawPlacebos } from '../../../src/data/phantom/placebos.ts';
import { drawScene, drawSlice } from '../../../src/data/phantom/slice.ts';
import { phantom } from '../../../src/data/readers/phantom.ts';

const patient = { seed: 'placebo test', patient: 3, label: 'covid', slices: 1, size: 128 } as const;

describe('placebos', () => {
  it('change noise and texture in healthy tissue, and nothing else', () => {
    const { hu, placebos } = drawPlacebos(createRng('p'), patient, 0, 8);
    const scene = drawScene(createRng('p'), patient, 0);
    expect(hu).toEqual(drawSlice(createRng('p'), patient, 0).hu);
    expect(placebos.length).toBeGreaterThan(4);
    for (const placebo of placebos) {
      const changed = [...placebo.keys()].filter(p => placebo[p] !== hu[p]);
      expect(changed.length).toBeGreaterThan(10);
      for (const p of changed) expect(scene.lesions.cover[p]).toBe(0);
      // Chance moves a pixel, not the region's mean.
      const mean = changed.reduce((sum, p) => sum + placebo[p]! - hu[p]!, 0) / changed.length;
      expect(Math.abs(mean)).toBeLessThan(12);
    }
  });

  it('are of other patients than the samples, and the same whatever the samples are', async () => {
    const open = (seed: string) => phantom.open({ seed, factors: true, patients: 2, size: 64 }, { base: '.' });
    const [one, other] = [await open('a'), await open('b')];
    expect(one.placebos!.digest).toBe(other.placebos!.digest);
    for await (const { whole } of one.placebos!.sets()) {
      for await (const sample of one.samples()) {
        expect((await sample.load()).source.pixels.data).not.toEqual(whole.pixels.data);
      }
      break;
    }
  });

  it('were measured on the bundled models as they are', async () => {
    const plan = await loadPlan('configs/phantom-truth.yaml', builtinRegistry());
    for (const { id, digest, card } of plan.models) {
      const records = JSON.parse(readFileSync(`models/${id}/chance-effects.json`, 'utf8'));
      for (const name of card.classes) {
        expect(records, 'node tools/measure-chance-effects.js writes them anew').toContainEqual(
          expect.objectContaining({ model: digest, data: plan.dataset.placebos!.digest, class: name }),
        );
      }
    }
  });
});
