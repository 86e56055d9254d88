import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { builtinRegistry } from '../../src/builtin.ts';
import { explainerChecks } from '../../src/conformance/explainer-checks.ts';
import { defineExplainer } from '../../src/core/define.ts';
import { tensor } from '../../src/core/tensor.ts';
import { random } from '../../src/methods/random.ts';

const { explainers } = builtinRegistry();

/** Built-in explainers declare their passes exactly, or as an upper bound. */
const EXACT = 1;

/** What may be otherwise with other options; the rest is checked with the defaults. */
const BY_OPTIONS = /^(gives finite maps|spends|gives no NaN|gives different maps for)/;

describe.each([...explainers.values()])('$name', explainer => {
  const { wraps, checks, presets } = explainer;
  const wrapped = wraps === undefined ? {} : { wrapped: explainers.get(wraps)! };
  describe('with its defaults', () => {
    for (const { name, run } of explainerChecks(explainer, { costFactor: EXACT, ...wrapped })) it(name, run);
  });
  describe.each(Object.entries(presets))('with preset %s', (_, { options }) => {
    const small = { ...options, ...checks.options };
    const all = explainerChecks(explainer, { options: small, costFactor: EXACT, ...wrapped });
    for (const { name, run } of all) if (BY_OPTIONS.test(name)) it(name, run);
  });
});

describe('the suite catches', () => {
  const grid = (values: (i: number) => number) =>
    tensor(
      [18, 22],
      Float32Array.from({ length: 18 * 22 }, (_, i) => values(i)),
    );
  const base = { name: 'faulty', title: 'Faulty', cite: 'none', kind: 'ranking' as const, role: 'control' as const };
  const free = () => ({ forward: 0, backward: 0 });
  let calls = 0;

  const faults: Record<string, [ReturnType<typeof defineExplainer>, RegExp]> = {
    'a wrong shape': [
      defineExplainer({ ...base, cost: free, explain: async () => ({ map: tensor([3, 3]) }) }),
      /shape \[3, 3\]/,
    ],
    NaN: [defineExplainer({ ...base, cost: free, explain: async () => ({ map: grid(() => Number.NaN) }) }), /NaN/],
    'a NaN diagnostic': [
      defineExplainer({
        ...base,
        cost: free,
        explain: async () => ({ map: grid(i => i), diagnostics: { x: Number.NaN } }),
      }),
      /diagnostic 'x'/,
    ],
    'a state of its own': [
      defineExplainer({ ...base, cost: free, explain: async () => ({ map: grid(i => i * ++calls) }) }),
      /one seed differ/,
    ],
    'a wrong cost': [
      defineExplainer({
        ...base,
        cost: () => ({ forward: 9, backward: 0 }),
        explain: async () => ({ map: grid(i => i) }),
      }),
      /declares 9 forward passes and spent 0/,
    ],
    'a written image': [
      defineExplainer({
        ...base,
        cost: free,
        async explain({ image }) {
          image.data[0]! += 1;
          return { map: grid(i => i) };
        },
      }),
      /wrote into the image/,
    ],
    'an unfilled buffer': [
      defineExplainer({
        ...base,
        async explain({ model, signal }) {
          const batch = {
            count: 1,
            write(_: number, out: Float32Array) {
              out[0] = 1;
            },
          };
          await model.scores(batch, { as: 'logit', signal });
          return { map: grid(i => i) };
        },
      }),
      /must fill all/,
    ],
    'an ignored signal': [
      defineExplainer({
        ...base,
        async explain({ model, image }) {
          await model.scores({ count: 1, write: (_, out) => out.set(image.data) }, { as: 'logit' });
          return { map: grid(i => i) };
        },
      }),
      /went on after/,
    ],
    'an undeclared capability': [
      defineExplainer({
        ...base,
        cost: free,
        async explain({ model }) {
          await (model as unknown as { layers(): Promise<unknown> }).layers();
          return { map: grid(i => i) };
        },
      }),
      /layers is not a function/,
    ],
    'a method that ignores the class': [
      defineExplainer({ ...base, role: 'method', cost: free, explain: async () => ({ map: grid(i => i) }) }),
      /does not depend on the class/,
    ],
    'a class-blind explainer that sees the class': [
      defineExplainer({
        ...base,
        cost: free,
        classBlind: true,
        explain: async ({ target }) => ({ map: grid(i => i * target.class) }),
      }),
      /its map depends on the class/,
    ],
    'a memo key that leaves out the class': [
      defineExplainer({
        ...base,
        cost: free,
        explain: ({ memo, target }) => memo('map', async () => ({ map: grid(i => i * target.class) })),
      }),
      /memo mixes up two explanations/,
    ],
    'a memo key that leaves out the wrapped explainer': [
      defineExplainer({
        ...base,
        wraps: 'signed-gradient',
        explain: ({ memo, target, image, rng, inner }) =>
          memo(`map ${target.class} ${rng.fork('key').next()}`, () => inner(image)),
      }),
      /memo mixes up two explanations/,
    ],
    'a wrapper that takes no answer for a map': [
      defineExplainer({
        ...base,
        wraps: 'signed-gradient',
        async explain({ inner, image }) {
          await inner(image);
          return { map: grid(i => i) };
        },
      }),
      /it gave a map of nothing/,
    ],
    'a wrapper that does not say what it wraps': [
      defineExplainer({ ...base, explain: ({ inner, image }) => inner(image) }),
      /Name the explainer that it wraps by default/,
    ],
    'more passes than at most': [
      defineExplainer({
        ...base,
        cost: () => ({ forward: 1, backward: 0, atMost: true }),
        async explain({ model, image, signal }) {
          await model.scores({ count: 2, write: (_, out) => out.set(image.data) }, { as: 'logit', signal });
          return { map: grid(i => i) };
        },
      }),
      /declares at most 1 forward passes and spent 2/,
    ],
    'standard errors of another shape': [
      defineExplainer({
        ...base,
        cost: free,
        explain: async () => ({ map: grid(i => i), standardErrors: tensor([3]) }),
      }),
      /standard errors are not/,
    ],
    'regions with several values': [
      defineExplainer({
        ...base,
        cost: free,
        explain: async () => ({ map: grid(i => i), regions: new Int32Array(18 * 22) }),
      }),
      /the map differs within a region/,
    ],
    'a map without the training images that it needs': [
      defineExplainer({
        ...base,
        needs: ['training-images'],
        cost: free,
        explain: async () => ({ map: grid(i => i) }),
      }),
      /gave a map where there are no training images/,
    ],
    'volumes that it cannot explain': [
      defineExplainer({ ...base, dimensions: [2, 3], cost: free, explain: async () => ({ map: grid(i => i) }) }),
      /not the model's \[4, 6, 5\]/,
    ],
    'unknown options': [
      defineExplainer({ ...base, options: z.object({}), cost: free, explain: async () => ({ map: grid(i => i) }) }),
      /unknown options are accepted/,
    ],
  };

  it.each(Object.entries(faults))('%s', async (_, [explainer, message]) => {
    const failures: string[] = [];
    for (const { run } of explainerChecks(explainer))
      await run().catch(error => failures.push(`${error}${error.hint}`));
    expect(failures.join('\n')).toMatch(message);
  });

  it('a skip of a check that does not exist', () => {
    expect(() => explainerChecks(random, { skip: { nonsense: 'because' } })).toThrow(/no check is called/);
    const all = explainerChecks(random);
    expect(explainerChecks(random, { skip: { [all[0]!.name]: 'shown elsewhere' } })).toHaveLength(all.length - 1);
  });
});
