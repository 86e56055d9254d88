import { beforeAll, expect, it } from 'vitest';
import { linearModel } from '../../../src/conformance/index.ts';
import type { Effects, ModelCard, Sample } from '../../../src/core/contracts/index.ts';
import { isUndefined } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { phantom } from '../../../src/data/readers/phantom.ts';
import { effectsFor } from '../../../src/jobs/effects.ts';
import type { Job } from '../../../src/jobs/job.ts';
import { type LoadedImage, loadImage } from '../../../src/jobs/loaded-image.ts';
import { edges } from '../../../src/methods/edges.ts';
import { truthMap } from '../../../src/methods/shared/truth-map.ts';
import { causalContrast } from '../../../src/metrics/truth/causal-contrast.ts';
import { causalMass } from '../../../src/metrics/truth/causal-mass.ts';
import { causalRank } from '../../../src/metrics/truth/causal-rank.ts';
import { cardOf } from '../../data/cards.ts';
import { evaluate } from '../scene.ts';

const SIZE = 64;
const card = cardOf({
  size: [SIZE, SIZE],
  intensity: { unit: 'HU', window: [-1150, 350], air: -1000 },
  resize: { antialias: true, fit: 'stretch' },
});
const signal = new AbortController().signal;

interface Patient {
  readonly sample: Sample;
  readonly image: LoadedImage;
  load(variant: string): Promise<LoadedImage>;
}
let patients: Patient[];

beforeAll(async () => {
  patients = [];
  const data = await phantom.open(
    { seed: 'truth', patients: 24, slices: 1, size: SIZE, distractors: 1, letter: 1 },
    { base: '.' },
  );
  for await (const sample of data.samples()) {
    if (sample.label !== 'covid' || !sample.factors!.some(f => f.role === 'distractor')) continue;
    const load = (variant?: string) =>
      loadImage(sample, {
        ...{ card, baselines: new Map(), variant, rng: createRng(0), signal },
        variantOf: async () => undefined,
        trainingImages: async () => [],
      });
    patients.push({ sample, image: await load(), load });
  }
}, 120_000);

/** A linear model that weighs the pixels where one of these factors changes the image. */
async function modelUsing({ sample, image, load }: Patient, role: string) {
  const weights = new Float64Array(SIZE * SIZE);
  for (const { name } of sample.factors!.filter(f => f.role === role)) {
    const without = await load(`without:${name}`);
    image.image.data.forEach((v, p) => {
      // Signed, so that each factor speaks for the class.
      if (Math.abs(v - without.image.data[p]!) > 0.01) weights[p] = Math.sign(v - without.image.data[p]!);
    });
  }
  const classes = [weights, new Float64Array(weights.length)];
  return { weights, model: linearModel({ height: SIZE, width: SIZE, weights: classes }) };
}

async function effectsOn(patient: Patient, model: ReturnType<typeof linearModel>): Promise<Effects> {
  const job = { kind: 'explain', model: {}, sample: { id: patient.sample.id } } as unknown as Job;
  const found = await effectsFor(
    job,
    { class: 0 },
    {
      signal,
      card: () => ({ classes: ['a', 'b'] }) as unknown as ModelCard,
      sample: async () => ({ sample: patient.sample, index: 0, labelled: 1 }),
      image: async (_model, { variant }) => (variant === undefined ? patient.image : patient.load(variant)),
      onModel: (_model, work) => work(model),
    },
  );
  return found!;
}

const scored = async (metric: typeof causalContrast, patient: Patient, map: Tensor, effects: Effects) => {
  const { image } = patient;
  const [first] = [image.image];
  const scene = { model: linearModel({ height: SIZE, width: SIZE }), image: first, baseline: first, attribution: map };
  const found = await evaluate(metric, { ...scene, view: image.view }, {}, { effects });
  return isUndefined(found) ? undefined : found.value;
};

it('there are patients to test on', () => {
  expect(patients.length).toBeGreaterThanOrEqual(6);
});

it('effects on a linear model are the sums of weight times change, and do not interact', async () => {
  for (const patient of patients.slice(0, 3)) {
    const { model, weights } = await modelUsing(patient, 'lesion');
    const { factors, interaction } = await effectsOn(patient, model);
    expect(interaction).toBeLessThan(1e-4);
    for (const { name, effect } of factors) {
      const without = await patient.load(`without:${name}`);
      const sum = weights.reduce((s, w, p) => s + w * (patient.image.image.data[p]! - without.image.data[p]!), 0);
      // Lesions that overlap don't add up in HU, so singles are near, and apart they are exact.
      expect(Math.abs(effect - sum)).toBeLessThan(1e-3 * Math.max(1, Math.abs(sum)));
    }
    const none = await patient.load(`without:${patient.sample.factors!.map(f => f.name).join('+')}`);
    const all = weights.reduce((s, w, p) => s + w * (patient.image.image.data[p]! - none.image.data[p]!), 0);
    expect(factors.reduce((sum, f) => sum + f.effect, 0)).toBeCloseTo(all, 2);
  }
});

it('the truth, and what is exact for a linear model, win on every patient', async () => {
  for (const patient of patients) {
    const { model, weights } = await modelUsing(patient, 'lesion');
    const effects = await effectsOn(patient, model);
    const truth = truthMap(effects, [SIZE, SIZE]) as Tensor;
    // Integrated gradients from the patient without lesions: weight times difference.
    const healthy = await patient.load('no-lesion');
    const exact = tensor(
      [SIZE, SIZE],
      patient.image.image.data.map((v, p) => weights[p]! * (v - healthy.image.data[p]!)),
    );
    for (const map of [truth, exact]) {
      for (const metric of [causalContrast, causalRank])
        expect((await scored(metric, patient, map, effects)) ?? 1).toBe(1);
      expect((await scored(causalMass, patient, map, effects)) ?? 1).toBeGreaterThan(0.8);
    }
  }
});

it('an explainer that draws the lesions’ outline whatever the model does not win where the model uses something else', async () => {
  const values = { letter: [] as number[], contrast: [] as number[], mass: [] as number[] };
  for (const patient of patients) {
    const outline = patient.image.mask!;
    if (!outline.data.some(v => v === 1)) continue;
    for (const role of ['distractor', 'confounder']) {
      const { model } = await modelUsing(patient, role);
      const effects = await effectsOn(patient, model);
      const found = await Promise.all(
        [causalContrast, causalRank, causalMass].map(metric => scored(metric, patient, outline, effects)),
      );
      if (found[0] !== undefined) values.contrast.push(found[0]);
      if (role === 'confounder' && found[1] !== undefined) values.letter.push(found[1]);
      if (found[2] !== undefined) values.mass.push(found[2]);
    }
  }
  expect(values.contrast.length).toBeGreaterThan(3);
  expect(Math.max(...values.contrast)).toBeLessThanOrEqual(0.5);
  expect(values.contrast).toContain(0);
  expect(Math.max(...values.letter)).toBeLessThanOrEqual(0.5);
  expect(Math.max(...values.mass)).toBeLessThanOrEqual(0);
});

it('the image’s edges do not beat chance in causal contrast', async () => {
  const values: number[] = [];
  for (const patient of patients) {
    // Where the distractor is the cause, who wins and who loses change places: that would tell nothing.
    const { model } = await modelUsing(patient, 'lesion');
    const { map } = (await edges.explain({ view: patient.image.view } as never)) as { map: Tensor };
    const value = await scored(causalContrast, patient, map, await effectsOn(patient, model));
    if (value !== undefined) values.push(value);
  }
  expect(values.length).toBeGreaterThan(5);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  // One-sided, two standard errors of a fair coin.
  expect(mean).toBeLessThan(0.5 + 1 / Math.sqrt(values.length));
});
