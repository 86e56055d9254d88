import { describe, expect, it } from 'vitest';
import type { Classifier } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { fFidelity } from '../../../src/metrics/faithfulness/f-fidelity.ts';
import { additiveScene, evaluate, map, scoreOf } from '../scene.ts';

const [H, W] = [8, 8];
const N = H * W;
/** Half of the patches (of one pixel) are worth as much each, the others nothing. */
const shares = Array.from({ length: N }, (_, i) => (i < N / 2 ? 0.01 : 0));
const scene = additiveScene(H, W, shares);
const options = { weights: 'masked.onnx', patchPixels: 1 };
/** The copy is the model itself. */
const copy = (model: Classifier = scene.model) => ({
  onVariant: async <T>(_: unknown, work: (on: Classifier) => Promise<T>) => work(model),
});

describe('f-fidelity', () => {
  const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

  it('is what k of the explanation take from the probability, and k of the rest do not', async () => {
    // Shares of a half: k = min(½ · 32, 0.1 · 64) = 6 of 32 patches that are worth 0.01 each.
    const { value, details } = await scoreOf(fFidelity, scene, { ...options, shares: [0.5], draws: 3 }, copy());
    const p = sigmoid(0.32);
    expect(details).toEqual({
      probability: expect.closeTo(p, 6),
      positive: expect.closeTo(p - sigmoid(0.26), 6),
      negative: expect.closeTo(0, 6),
    });
    expect(value).toBeCloseTo(p - sigmoid(0.26), 6);
    const inverted = {
      ...scene,
      attribution: map(
        H,
        W,
        shares.map(v => -v),
      ),
    };
    const wrong = await scoreOf(fFidelity, inverted, { ...options, shares: [0.5], draws: 3 }, copy());
    expect(wrong.value).toBeCloseTo(-value, 6);
  });

  it('is 0 on average for a map that knows nothing, whatever the shares', async () => {
    const rng = createRng('maps');
    let sum = 0;
    for (let k = 0; k < 40; k++) {
      const attribution = map(
        H,
        W,
        shares.map(() => rng.normal()),
      );
      sum += (await scoreOf(fFidelity, { ...scene, attribution }, options, copy())).value;
    }
    const right = (await scoreOf(fFidelity, scene, options, copy())).value;
    expect(Math.abs(sum / 40)).toBeLessThan(0.15 * right);
  });

  it('needs weights, a copy of the same opinion, and a score that moves', async () => {
    const asked: unknown[] = [];
    const refusing = {
      onVariant: async (variant: unknown) => {
        asked.push(variant);
        return { undefined: 'there is no such further training beside the model' };
      },
    };
    expect(await evaluate(fFidelity, scene, { patchPixels: 1 }, refusing)).toEqual({
      undefined: 'there is no such further training beside the model',
    });
    expect(asked).toEqual([{ kind: 'trained', training: 'masked' }]);
    expect(await evaluate(fFidelity, scene, options)).toEqual({ undefined: 'the model has no such variant' });
    const other = additiveScene(
      H,
      W,
      shares.map(v => -v),
    ).model;
    expect(await evaluate(fFidelity, scene, options, copy(other))).toEqual({
      undefined: 'the copy does not predict the class explained',
    });
    const idle = additiveScene(H, W, new Array<number>(N).fill(0)).model;
    expect(await evaluate(fFidelity, scene, options, copy(idle))).toEqual({
      undefined: 'no removal changes the score of the copy',
    });
  });
});
