import type { Capability, FullClassifier, LayerValues, Target } from '../core/contracts/index.ts';
import { createRng } from '../core/rng.ts';
import { sizeOf, tensor } from '../core/tensor.ts';
import type { Check } from './conformance-check.ts';
import { innerChecks } from './engine-inner-checks.ts';
import { counting, type EngineSubject, KINDS, normOf } from './engine-subject.ts';

const LOGIT = { class: 0, score: 'logit' } as const;

/** How each ability is asked for, of one image. */
const ASKED: Readonly<Record<Capability, (model: FullClassifier, s: EngineSubject) => Promise<unknown>>> = {
  gradients: (model, s) => model.gradients(s.one(0), LOGIT, () => undefined),
  'backward-rules': (model, s) =>
    model.gradients(s.one(0), LOGIT, () => undefined, { rules: { name: 'deeplift' }, reference: s.one(1) }),
  activations: async (model, s) => model.activations(s.one(0), [await someLayer(model)]),
  layers: async (model, s) => model.layer(s.one(0), LOGIT, await someLayer(model)),
  async continuation(model, s) {
    const layer = await someLayer(model);
    const [{ activations }] = (await model.activations(s.one(0), [layer])) as [LayerValues];
    const image = tensor(s.shape, s.image(0));
    const batch = { count: 1, write: (_: number, out: Float32Array) => out.set(activations.data) };
    await model.continueFrom(layer, batch, { as: 'logit', image });
  },
  'bias-gradients': (model, s) => model.biasGradients(s.one(0), LOGIT, () => undefined),
  attention: (model, s) => model.attention(s.one(0), LOGIT),
};

async function someLayer(model: FullClassifier): Promise<string | undefined> {
  return (await model.layers())[0]?.name;
}

/** What a model can do beyond scores: each ability that it declares, and the refusal of each that it does not. */
export function abilityChecks(s: EngineSubject): Check[] {
  const needs = (capability: Capability, name: string, run: (model: FullClassifier) => Promise<void>): Check => ({
    name,
    async run() {
      const model = await s.model();
      if (model.capabilities.has(capability)) await run(model);
    },
  });
  return [
    {
      name: 'has the abilities that it declares, and refuses the others with a plain reason',
      async run() {
        const model = await s.model();
        for (const [capability, ask] of Object.entries(ASKED)) {
          const name = capability as Capability;
          if (model.capabilities.has(name)) {
            await ask(model, s);
            continue;
          }
          const why = model.runtime.limitations?.[name];
          s.ensure(
            why !== undefined && /\w{3}.*\.$/s.test(why),
            `it does not say in a sentence why it has no ${name}.`,
          );
          await s.refuses(ask(model, s), 'ENGINE', `the ability ${name}`);
          await s.refuses(ask(model, s), new RegExp(escaped(why)), `the ability ${name}`);
        }
      },
    },
    ...gradientChecks(s, needs),
    ...layerChecks(s, needs),
    ...innerChecks(s, needs),
  ];
}

/** A check of an ability, which passes where the model does not declare it. */
export type Needing = (capability: Capability, name: string, run: (model: FullClassifier) => Promise<void>) => Check;

function gradientChecks(s: EngineSubject, needs: Needing): Check[] {
  const { reference } = s.given;
  return [
    ...KINDS.map(score =>
      needs('gradients', `has gradients of the ${score} that central differences confirm`, async model => {
        const rng = createRng(`finite differences ${score}`);
        for (let c = 0; c < s.classes; c++) {
          const target: Target = { class: c, score };
          const found = await s.gradientsOf(model, s.all, target);
          const scores = await model.score(s.all, target);
          for (const [i, { gradient, score: given }] of found.entries()) {
            s.near([given], [scores[i]!], 1e-4, `the ${score} that comes with a gradient`);
            const norm = normOf(gradient);
            const steepest = gradient.map(v => (norm === 0 ? 0 : v / norm));
            const random = gradient.map(() => rng.normal() / Math.sqrt(gradient.length));
            for (const direction of [steepest, random]) {
              const want = gradient.reduce((sum, v, k) => sum + v * direction[k]!, 0);
              const got = await s.slope(model, s.image(i), direction, target);
              s.ensure(
                Math.abs(got - want) < 0.03 * norm + 1e-5,
                `the gradient of the ${score} of class ${c} says ${want}, the scores' difference ${got}.`,
              );
            }
          }
        }
      }),
    ),
    needs('gradients', 'differentiates a batch as it does its images one by one', async model => {
      const together = await s.gradientsOf(model, s.all, LOGIT);
      for (let i = 0; i < s.count; i++) {
        const [alone] = await s.gradientsOf(model, s.one(i), LOGIT);
        s.near(alone!.gradient, together[i]!.gradient, s.tolerance * 100, `the gradient of image ${i} alone`);
      }
    }),
    needs('gradients', 'counts gradients, and passes on what their receiver throws', async model => {
      const { counts, metered } = counting(model);
      await metered.gradients(s.all, LOGIT, () => undefined);
      const right = counts.forward === s.count && counts.backward === s.count;
      s.ensure(right, `it counts ${JSON.stringify(counts)} of ${s.count} gradients.`);
      const consume = () => {
        throw new Error('no room');
      };
      await s.refuses(model.gradients(s.all, LOGIT, consume), /no room/, 'a receiver that throws');
      await model.scores(s.all, { as: 'logit' });
    }),
    needs('backward-rules', 'has multipliers of DeepLIFT that add up to the difference of two scores', async model => {
      const target = { class: 0, score: 'margin' } as const;
      const [of, reference] = [s.image(0), s.image(1)];
      let sum = 0;
      const add = (_: number, multipliers: Float32Array) => {
        for (let k = 0; k < of.length; k++) sum += multipliers[k]! * (of[k]! - reference[k]!);
      };
      await model.gradients(s.one(0), target, add, { rules: { name: 'deeplift' }, reference: s.one(1) });
      const [a, b] = await model.score(s.all, target);
      const want = a! - b!;
      s.ensure(Math.abs(sum - want) < 1e-3 * Math.max(1, Math.abs(want)), `they add up to ${sum}, not ${want}.`);
    }),
    needs('gradients', 'refuses classes that do not exist', async model => {
      const target = { class: s.classes, score: 'logit' } as const;
      await s.refuses(
        model.gradients(s.all, target, () => undefined),
        /class \d+ does not exist/,
        'a class too many',
      );
    }),
    ...(reference
      ? [
          needs('gradients', 'gives the gradients of the formula', async model => {
            for (const score of KINDS) {
              const target = { class: s.classes - 1, score } as const;
              const [got, want] = await Promise.all([model, reference].map(m => s.gradientsOf(m, s.all, target)));
              for (const [i, { gradient }] of got!.entries()) {
                s.near(gradient, want![i]!.gradient, 1e-3, `the gradient of the ${score}`);
              }
            }
          }),
        ]
      : []),
  ];
}

function layerChecks(s: EngineSubject, needs: Needing): Check[] {
  const { reference } = s.given;
  return [
    needs('layers', 'lists its layers and gives activations and gradients of each', async model => {
      const layers = await model.layers();
      const { camLayer } = model.runtime;
      const cams = layers.filter(l => l.cam).map(l => l.name);
      s.ensure(String(cams) === String(camLayer === undefined ? [] : [camLayer]), `its CAM layers are: ${cams}.`);
      s.ensure(new Set(layers.map(l => l.name)).size === layers.length, 'two layers have one name.');
      const picked = [layers[0], layers.find(l => l.cam), layers.at(-1)].filter(l => l !== undefined);
      for (const { name, shape } of picked) {
        const together = await model.layer(s.all, LOGIT, name);
        s.ensure(together.layer === name, `layer '${name}' comes as '${together.layer}'.`);
        for (const values of [together.activations, together.gradients]) {
          s.ensure(String(values.shape) === String([s.count, ...shape]), `layer '${name}' has [${values.shape}].`);
        }
        const last = s.count - 1;
        const alone = await model.layer(s.one(last), LOGIT, name);
        const from = last * sizeOf(shape);
        s.near(alone.activations.data, together.activations.data.subarray(from), s.tolerance * 10, `'${name}' alone`);
        s.near(alone.gradients.data, together.gradients.data.subarray(from), s.tolerance * 100, `'${name}' alone`);
      }
    }),
    needs(
      'layers',
      'gives activations of several layers forward only, and gradients of several at once',
      async model => {
        const layers = (await model.layers()).map(l => l.name);
        const target = { class: 0, score: 'margin' } as const;
        const middle = model.runtime.camLayer === undefined ? layers[1] : undefined;
        const asked = [layers.at(-1), middle, layers[0], layers.at(-1)];
        const { counts, metered } = counting(model);
        const values = await metered.activations(s.all, asked);
        s.ensure(counts.forward === s.count && counts.backward === 0, `activations count ${JSON.stringify(counts)}.`);
        const slopes = await metered.layerGradients(s.all, target, asked);
        s.ensure(
          counts.forward === 2 * s.count && counts.backward === s.count,
          `gradients: ${JSON.stringify(counts)}.`,
        );
        for (const [k, name] of asked.entries()) {
          const alone = await model.layer(s.all, target, name);
          const right = values[k]!.layer === alone.layer && slopes[k]!.layer === alone.layer;
          s.ensure(right, `layer ${k} of several is '${values[k]!.layer}', not '${alone.layer}'.`);
          for (const { activations } of [values[k]!, slopes[k]!]) {
            s.near(activations.data, alone.activations.data, s.tolerance * 10, `'${alone.layer}' among several`);
          }
          s.near(slopes[k]!.gradients.data, alone.gradients.data, s.tolerance * 100, `'${alone.layer}' among several`);
        }
      },
    ),
    needs('continuation', 'runs on from the activations of any layer as from the image', async model => {
      const layers = await model.layers();
      const image = tensor(s.shape, s.image(0));
      // Behind a class token's last attention, layers of patches change nothing.
      const last = layers.find(layer => layer.cam) ?? layers.at(-1)!;
      for (const { name } of [layers[0]!, layers[Math.floor(layers.length / 2)]!, last]) {
        const [{ activations }] = (await model.activations(s.one(0), [name])) as [LayerValues];
        // More than a micro-batch; the others are halved, so that rows are told apart.
        const write = (i: number, out: Float32Array) => out.set(activations.data.map(v => (i === 3 ? v : v / 2)));
        const { counts, metered } = counting(model);
        for (const as of KINDS) {
          const found = await metered.continueFrom(name, { count: 5, write }, { as, image });
          const want = await model.scores(s.one(0), { as });
          s.near(s.row(found, 3), want.data, s.tolerance * 10, `scores from layer '${name}' on`);
          s.near(s.row(found, 4), s.row(found, 0), s.tolerance, `equal values of layer '${name}'`);
          s.ensure(String(s.row(found, 0)) !== String(s.row(found, 3)), `halving layer '${name}' changes nothing.`);
        }
        // Three times, with one pass each for what lies beside the layer, and one for its class token.
        const right = counts.backward === 0 && [15, 18, 21].includes(counts.forward);
        s.ensure(right, `continuation counts ${JSON.stringify(counts)} of 15 images.`);
      }
    }),
    needs('continuation', 'has layer gradients that central differences of the continuation confirm', async model => {
      if (!model.capabilities.has('layers')) return;
      const layers = await model.layers();
      const image = tensor(s.shape, s.image(1));
      const target = { class: s.classes - 1, score: 'margin' } as const;
      for (const { name } of [layers[0]!, layers.at(-1)!]) {
        const { activations, gradients } = await model.layer(s.one(1), target, name);
        const norm = normOf(gradients.data);
        const write = (i: number, out: Float32Array) => {
          const by = (i === 0 ? s.step : -s.step) / norm;
          for (let k = 0; k < out.length; k++) out[k] = activations.data[k]! + by * gradients.data[k]!;
        };
        const found = await model.continueFrom(name, { count: 2, write }, { as: target.score, image });
        const slope = (s.row(found, 0)[target.class]! - s.row(found, 1)[target.class]!) / (2 * s.step);
        s.ensure(Math.abs(slope - norm) < 0.03 * norm + 1e-5, `layer '${name}': slope ${slope}, gradient ${norm}.`);
      }
    }),
    needs('activations', 'refuses layers that do not exist, and images of another shape', async model => {
      await s.refuses(model.activations(s.one(0), ['no/such/layer']), 'LAYER', 'a layer that does not exist');
      if (!model.capabilities.has('continuation')) return;
      const wrong = { as: 'logit', image: tensor([1, 1, 1]) } as const;
      await s.refuses(
        model.continueFrom(await someLayer(model), s.one(0), wrong),
        'USAGE',
        'an image of another shape',
      );
    }),
    needs('layers', 'uses the CAM layer unless told otherwise', async model => {
      const { camLayer } = model.runtime;
      if (camLayer === undefined) {
        await s.refuses(model.layer(s.all, LOGIT, undefined), 'LAYER', 'a CAM layer that does not exist');
        return;
      }
      const { layer, activations } = await model.layer(s.all, LOGIT, undefined);
      s.ensure(layer === camLayer, `the CAM layer is '${camLayer}', and '${layer}' is given.`);
      s.ensure(activations.shape.length === 4, `the CAM layer is [${activations.shape}].`);
    }),
    ...(reference
      ? [
          needs('layers', 'gives the CAM layer of the formula', async model => {
            const target = { class: 1, score: 'margin' } as const;
            const [got, want] = await Promise.all([model, reference].map(m => m.layer(s.all, target, undefined)));
            s.near(got!.activations.data, want!.activations.data, 1e-4, 'activations');
            s.near(got!.gradients.data, want!.gradients.data, 1e-3, 'layer gradients');
          }),
        ]
      : []),
  ];
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
