import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { explainerChecks } from '../../src/conformance/explainer-checks.ts';
import { defineExplainer } from '../../src/core/define.ts';
import { tensor } from '../../src/core/tensor.ts';
import { centre } from '../../src/methods/centre.ts';
import { edges } from '../../src/methods/edges.ts';
import { gradCam } from '../../src/methods/grad-cam.ts';
import { integratedGradients } from '../../src/methods/integrated-gradients.ts';
import { lime } from '../../src/methods/lime.ts';
import { occlusion } from '../../src/methods/occlusion.ts';
import { random } from '../../src/methods/random.ts';
import { shuffled } from '../../src/methods/shuffled.ts';

const builtIns = [gradCam, integratedGradients, lime, occlusion, centre, edges, random, shuffled];

describe.each(builtIns)('$name', explainer => {
  // LIME is the same with fewer samples, and quickshift needs a narrow kernel on images as small as the suite's.
  const small = explainer === lime ? { samples: 200, kernelSize: 1 } : {};
  describe('with its defaults', () => {
    for (const { name, run } of explainerChecks(explainer, { options: small })) it(name, run);
  });
  describe.each(Object.entries(explainer.presets))('with preset %s', (_, { options }) => {
    for (const { name, run } of explainerChecks(explainer, { options: { ...small, ...options } })) it(name, run);
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
