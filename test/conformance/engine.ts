import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  Batch,
  Engine,
  FullClassifier,
  LayerValues,
  ModelCard,
  OpenOptions,
  ScoreKind,
  Target,
} from '../../src/core/contracts/index.ts';
import { createRng } from '../../src/core/rng.ts';
import { sizeOf, type Tensor, tensor as tensorOf } from '../../src/core/tensor.ts';

/** A model that an engine must run as every other engine does. */
export interface EngineCase {
  readonly engine: Engine;
  readonly device: string;
  readonly card: ModelCard;
  /** [n, h, w, c], n ≥ 3, in input space. */
  readonly images: Tensor;
  /** Largest relative difference of scores between settings. */
  readonly tolerance?: number;
  /** Step of the finite differences, in units of the input. */
  readonly step?: number;
  /** How many workers it runs on when told to use two. Default: 2. */
  readonly workers?: number;
  /** How many threads it takes when told to use one. Default: 1. */
  readonly threads?: number;
}

const KINDS: readonly ScoreKind[] = ['logit', 'margin', 'probability'];

/** What every engine must do with every model: run it on each engine × device × model. */
export function testEngine(name: string, subject: EngineCase): void {
  const { engine, card, images, tolerance = 1e-5 } = subject;
  const [n, ...shape] = images.shape as [number, ...number[]];
  const size = sizeOf(shape);
  const image = (i: number) => images.data.subarray(i * size, (i + 1) * size);
  const batchOf = (...list: readonly Float32Array[]): Batch => ({
    count: list.length,
    write: (i, out) => out.set(list[i]!),
  });
  const all = batchOf(...Array.from({ length: n }, (_, i) => image(i)));
  const open = (options: Partial<OpenOptions> = {}) => {
    return engine.open(card, { device: subject.device, workers: 2, threads: 1, microBatch: 2, ...options });
  };
  const gradientsOf = async (model: FullClassifier, batch: Batch, target: Target) => {
    const found: { gradient: Float32Array; score: number }[] = [];
    await model.gradients(batch, target, (i, gradient, score) => {
      expect(i).toBe(found.length);
      found.push({ gradient: gradient.slice(), score });
    });
    return found;
  };

  describe(`${name} on ${engine.name}, ${subject.device}`, () => {
    let model: FullClassifier;
    beforeAll(async () => {
      model = await open();
    });
    afterAll(() => model?.close());

    it('says what it is', () => {
      expect(model.id).toBe(card.id);
      expect(model.classes).toEqual(card.classes);
      expect([...model.input.spatial, model.input.channels]).toEqual(shape);
      expect(model.runtime).toMatchObject({
        engine: engine.name,
        device: subject.device,
        threads: subject.threads ?? 1,
      });
      expect(model.runtime.workers).toBe(subject.workers ?? 2);
      expect(model.runtime.engineVersion).toMatch(/^\d+\.\d+/);
      expect([...model.capabilities]).toEqual(
        expect.arrayContaining(['gradients', 'activations', 'layers', 'continuation']),
      );
      for (const name of ['backward-rules', 'bias-gradients', 'attention'] as const) {
        if (!model.capabilities.has(name)) expect(model.runtime.limitations?.[name]).toMatch(/\w/);
      }
    });

    it('gives scores that fit together', async () => {
      const [z, f, p] = (await Promise.all(KINDS.map(as => model.scores(all, { as })))) as [Tensor, Tensor, Tensor];
      for (let i = 0; i < n; i++) {
        const row = (t: Tensor) => [...t.data.subarray(i * card.classes.length, (i + 1) * card.classes.length)];
        expect(row(p).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
        row(p).forEach((v, c) => {
          expect(row(f)[c]!).toBeCloseTo(Math.log(v) - Math.log1p(-v), 3);
        });
        if (card.explainAt === 'output') expect(row(z)).toEqual(row(p));
        else expect(row(z).indexOf(Math.max(...row(z)))).toBe(row(p).indexOf(Math.max(...row(p))));
      }
    });

    it('scores a batch as it scores its images one by one', async () => {
      const together = await model.scores(all, { as: 'logit' });
      for (let i = 0; i < n; i++) {
        const alone = await model.scores(batchOf(image(i)), { as: 'logit' });
        close(alone.data, together.data.subarray(i * card.classes.length, (i + 1) * card.classes.length), tolerance);
      }
    });

    it('scores the same whatever the micro-batch, workers and threads', async () => {
      const here = await model.scores(all, { as: 'logit' });
      const other = await open({ microBatch: 3, workers: 1, threads: 2 });
      try {
        close((await other.scores(all, { as: 'logit' })).data, here.data, tolerance);
        const [a, b] = await Promise.all([model, other].map(m => gradientsOf(m, all, { class: 0, score: 'margin' })));
        for (let i = 0; i < n; i++) close(a![i]!.gradient, b![i]!.gradient, tolerance * 100);
      } finally {
        await other.close();
      }
    });

    it.each(KINDS)('has gradients of the %s that central differences confirm', async score => {
      const rng = createRng(`finite differences ${score}`);
      for (const target of card.classes.map((_, c) => ({ class: c, score }))) {
        const found = await gradientsOf(model, all, target);
        expect(found).toHaveLength(n);
        const scores = await model.scores(all, { as: score });
        for (let i = 0; i < n; i++) {
          const { gradient, score: given } = found[i]!;
          expect(given).toBeCloseTo(scores.data[i * card.classes.length + target.class]!, 4);
          const norm = Math.sqrt(gradient.reduce((s, v) => s + v * v, 0));
          const steepest = gradient.map(v => (norm === 0 ? 0 : v / norm));
          const random = gradient.map(() => rng.normal() / Math.sqrt(size));
          for (const direction of [steepest, random]) {
            const want = gradient.reduce((s, v, k) => s + v * direction[k]!, 0);
            const got = await slope(model, image(i), direction, target, subject.step ?? 0.02);
            expect(Math.abs(got - want)).toBeLessThan(0.03 * norm + 1e-5);
          }
        }
      }
    });

    it('differentiates a batch as it does its images one by one', async () => {
      const target = { class: 0, score: 'logit' } as const;
      const together = await gradientsOf(model, all, target);
      for (let i = 0; i < n; i++) {
        const [alone] = await gradientsOf(model, batchOf(image(i)), target);
        close(alone!.gradient, together[i]!.gradient, tolerance * 100);
      }
    });

    it('lists its layers and gives activations and gradients of each', async () => {
      const layers = await model.layers();
      expect(layers.filter(l => l.cam).map(l => l.name)).toEqual(
        model.runtime.camLayer ? [model.runtime.camLayer] : [],
      );
      expect(new Set(layers.map(l => l.name)).size).toBe(layers.length);
      const target = { class: 0, score: 'logit' } as const;
      const picked = [layers[0], layers.find(l => l.cam), layers.at(-1)].filter(l => l !== undefined);
      for (const { name: layer, shape: layerShape } of picked) {
        const together = await model.layer(all, target, layer);
        expect(together.layer).toBe(layer);
        expect(together.activations.shape).toEqual([n, ...layerShape]);
        expect(together.gradients.shape).toEqual([n, ...layerShape]);
        expect(together.gradients.data.every(Number.isFinite)).toBe(true);
        const alone = await model.layer(batchOf(image(n - 1)), target, layer);
        const from = (n - 1) * sizeOf(layerShape);
        close(alone.activations.data, together.activations.data.subarray(from), tolerance * 10);
        close(alone.gradients.data, together.gradients.data.subarray(from), tolerance * 100);
      }
    });

    it('gives activations of several layers forward only, and gradients of several in one pass', async () => {
      const layers = (await model.layers()).map(l => l.name);
      const target = { class: 0, score: 'margin' } as const;
      const asked = [layers.at(-1), undefined, layers[0], layers.at(-1)];
      const { counts, metered } = counting(model);
      const values = await metered.activations(all, asked);
      expect(counts).toEqual({ forward: n, backward: 0 });
      const slopes = await metered.layerGradients(all, target, asked);
      expect(counts).toEqual({ forward: 2 * n, backward: n });
      for (const [k, name] of asked.entries()) {
        const alone = await model.layer(all, target, name);
        expect([values[k]!.layer, slopes[k]!.layer]).toEqual([alone.layer, alone.layer]);
        expect(values[k]!.activations.shape).toEqual(alone.activations.shape);
        close(values[k]!.activations.data, alone.activations.data, tolerance * 10);
        close(slopes[k]!.activations.data, alone.activations.data, tolerance * 10);
        close(slopes[k]!.gradients.data, alone.gradients.data, tolerance * 100);
      }
    });

    it('runs on from the activations of any layer as from the image', async () => {
      const layers = await model.layers();
      const first = tensorOf(shape, image(0));
      for (const { name } of [layers[0]!, layers[Math.floor(layers.length / 2)]!, layers.at(-1)!]) {
        const [{ activations }] = (await model.activations(batchOf(image(0)), [name])) as [LayerValues];
        // More than a micro-batch; the others are halved, so that rows are told apart.
        const batch: Batch = {
          count: 5,
          write: (i, out) => out.set(activations.data.map(v => (i === 3 ? v : v / 2))),
        };
        const { counts, metered } = counting(model);
        for (const as of KINDS) {
          const { data } = await metered.continueFrom(name, batch, { as, image: first });
          const want = await model.scores(batchOf(image(0)), { as });
          const k = card.classes.length;
          close(data.slice(3 * k, 4 * k), want.data, tolerance * 10);
          close(data.slice(4 * k), data.slice(0, k), tolerance);
          expect(data.slice(0, k)).not.toEqual(data.slice(3 * k, 4 * k));
        }
        expect(counts.backward).toBe(0);
        expect([15, 18]).toContain(counts.forward);
      }
    });

    it('has layer gradients that central differences of the continuation confirm', async () => {
      const layers = await model.layers();
      const first = tensorOf(shape, image(1));
      const target = { class: card.classes.length - 1, score: 'margin' } as const;
      for (const { name } of [layers[0]!, layers.at(-1)!]) {
        const { activations, gradients } = await model.layer(batchOf(image(1)), target, name);
        const norm = Math.sqrt(gradients.data.reduce((s, v) => s + v * v, 0));
        const step = subject.step ?? 0.02;
        const write = (i: number, out: Float32Array) => {
          const by = (i === 0 ? step : -step) / norm;
          for (let k = 0; k < out.length; k++) out[k] = activations.data[k]! + by * gradients.data[k]!;
        };
        const options = { as: target.score, image: first };
        const { data } = await model.continueFrom(name, { count: 2, write }, options);
        const k = card.classes.length;
        const slope = (data[target.class]! - data[k + target.class]!) / (2 * step);
        expect(Math.abs(slope - norm)).toBeLessThan(0.03 * norm + 1e-5);
      }
    });

    it('refuses abilities that it lacks, with the reason', async () => {
      const target = { class: 0, score: 'logit' } as const;
      await expect(model.attention(batchOf(image(0)), target)).rejects.toThrow(model.runtime.limitations!.attention);
      const bias = model.biasGradients(batchOf(image(0)), target, () => undefined);
      await expect(bias).rejects.toThrow(model.runtime.limitations!['bias-gradients']);
      const batch = batchOf(image(0));
      await expect(model.activations(batch, ['no/such/layer'])).rejects.toMatchObject({ code: 'LAYER' });
      const wrong = { as: 'logit' as const, image: tensorOf([1, 1, 1], new Float32Array(1)) };
      await expect(model.continueFrom(undefined, batch, wrong)).rejects.toMatchObject({ code: 'USAGE' });
    });

    it('uses the CAM layer unless told otherwise', async () => {
      const target = { class: 0, score: 'logit' } as const;
      if (!model.runtime.camLayer) {
        await expect(model.layer(all, target, undefined)).rejects.toMatchObject({ code: 'LAYER' });
        return;
      }
      const byDefault = await model.layer(all, target, undefined);
      expect(byDefault.layer).toBe(model.runtime.camLayer);
      expect(byDefault.activations.shape).toHaveLength(4);
    });

    it('counts what is asked of each meter, and of no other', async () => {
      const [a, b] = [counting(model), counting(model)];
      await Promise.all([
        a.metered.scores(all, { as: 'logit' }),
        a.metered.gradients(all, { class: 0, score: 'logit' }, () => undefined),
        b.metered.scores(batchOf(image(0)), { as: 'probability' }),
        model.scores(all, { as: 'logit' }),
      ]);
      expect(a.counts).toEqual({ forward: 2 * n, backward: n });
      expect(b.counts).toEqual({ forward: 1, backward: 0 });
      if (model.runtime.camLayer) await b.metered.layer(all, { class: 0, score: 'logit' }, undefined);
      if (model.runtime.camLayer) expect(b.counts).toEqual({ forward: 1 + n, backward: n });
    });

    it('answers calls that run at the same time as it answers them one by one', async () => {
      const target = { class: 0, score: 'logit' } as const;
      const [scores, found] = [await model.scores(all, { as: 'logit' }), await gradientsOf(model, all, target)];
      const [s1, g1, s2, g2] = await Promise.all([
        model.scores(all, { as: 'logit' }),
        gradientsOf(model, all, target),
        model.scores(all, { as: 'logit' }),
        gradientsOf(model, all, target),
      ]);
      for (const s of [s1, s2]) close(s.data, scores.data, tolerance);
      for (const [i, { gradient }] of found.entries()) {
        for (const g of [g1, g2]) close(g[i]!.gradient, gradient, tolerance * 100);
      }
    });

    it('takes an empty batch', async () => {
      expect((await model.scores(batchOf(), { as: 'logit' })).shape).toEqual([0, card.classes.length]);
    });

    it('writes each image once, in ascending order', async () => {
      const written: number[] = [];
      const write = (i: number, out: Float32Array) => {
        written.push(i);
        expect(out).toHaveLength(size);
        out.set(image(i % n));
      };
      await model.scores({ count: 7, write }, { as: 'logit' });
      expect(written).toEqual([0, 1, 2, 3, 4, 5, 6]);
    });

    it('stops soon after an abort, and goes on to work', async () => {
      const controller = new AbortController();
      let written = 0;
      const endless: Batch = {
        count: 100_000,
        write(i, out) {
          out.set(image(i % n));
          if (++written === 5) controller.abort();
        },
      };
      await expect(model.scores(endless, { as: 'logit', signal: controller.signal })).rejects.toThrow();
      expect(written).toBeLessThan(50);
      await expect(model.scores(all, { as: 'logit', signal: controller.signal })).rejects.toThrow();
      await model.scores(all, { as: 'logit' });
    });

    it('passes on what a caller throws, and goes on to work', async () => {
      const broken: Batch = {
        count: 4,
        write(i, out) {
          if (i === 2) throw new Error('no such image');
          out.set(image(0));
        },
      };
      await expect(model.scores(broken, { as: 'logit' })).rejects.toThrow('no such image');
      const consume = () => {
        throw new Error('no room');
      };
      await expect(model.gradients(all, { class: 0, score: 'logit' }, consume)).rejects.toThrow('no room');
      await model.scores(all, { as: 'logit' });
    });

    it('refuses classes, layers and devices that do not exist', async () => {
      const target = { class: card.classes.length, score: 'logit' } as const;
      await expect(model.gradients(all, target, () => undefined)).rejects.toThrow(/class \d+ does not exist/);
      await expect(model.layer(all, { class: 0, score: 'logit' }, 'no/such/layer')).rejects.toMatchObject({
        code: 'LAYER',
      });
      await expect(open({ device: 'abacus' })).rejects.toMatchObject({ code: 'DEVICE' });
    });

    it('can be closed, twice and while it works, and then refuses', async () => {
      const other = await open();
      const working = other.scores({ count: 100_000, write: (_, out) => out.set(image(0)) }, { as: 'logit' });
      const refused = expect(working).rejects.toThrow(/closed/);
      await other.close();
      await refused;
      await other.close();
      await expect(other.scores(all, { as: 'logit' })).rejects.toThrow(/closed/);
    });
  });
}

/** A view of a model that counts the passes asked of it. */
function counting(model: FullClassifier): { counts: { forward: number; backward: number }; metered: FullClassifier } {
  const counts = { forward: 0, backward: 0 };
  const meter = {
    forward: (images: number) => {
      counts.forward += images;
    },
    backward: (images: number) => {
      counts.backward += images;
    },
  };
  return { counts, metered: model.metered(meter) as FullClassifier };
}

/** Relative to the largest value: scores near zero mean nothing by themselves. */
function close(got: Float32Array, want: Float32Array, tolerance: number): void {
  expect(got.length).toBe(want.length);
  const scale = want.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-6);
  const worst = got.reduce((m, v, i) => Math.max(m, Number.isNaN(v) ? Infinity : Math.abs(v - want[i]!)), 0);
  expect(worst / scale).toBeLessThan(tolerance);
}

/** d score / d step along a direction of length one, by a central difference. */
async function slope(
  model: FullClassifier,
  image: Float32Array,
  direction: Float32Array,
  target: Target,
  step: number,
): Promise<number> {
  const write = (i: number, out: Float32Array) => {
    const by = i === 0 ? step : -step;
    for (let k = 0; k < out.length; k++) out[k] = image[k]! + by * direction[k]!;
  };
  const { data } = await model.scores({ count: 2, write }, { as: target.score });
  const k = data.length / 2;
  return (data[target.class]! - data[k + target.class]!) / (2 * step);
}
