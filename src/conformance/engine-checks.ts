import type { Batch, Engine } from '../core/contracts/index.ts';
import { sizeOf } from '../core/tensor.ts';
import { type Check, withoutSkipped } from './conformance-check.ts';
import { abilityChecks } from './engine-ability-checks.ts';
import { batchOf, counting, type EngineCase, EngineSubject, KINDS } from './engine-subject.ts';

export interface EngineCheckOptions extends EngineCase {
  /** Names of checks to leave out, with the reason. */
  readonly skip?: Readonly<Record<string, string>>;
}

export interface EngineChecks {
  readonly checks: readonly Check[];
  /** Closes the model that the checks share; to be called after the last. */
  close(): Promise<void>;
}

/**
 * What every engine must do with a model, as a list to run under any test framework:
 *
 * ```ts
 * const model = engineModel('onnx', folder);
 * const { checks, close } = engineChecks(myEngine, { device: 'cpu', ...model });
 * for (const { name, run } of checks) it(name, run);
 * afterAll(close);
 * ```
 */
export function engineChecks(engine: Engine, settings: EngineCheckOptions): EngineChecks {
  const subject = new EngineSubject(engine, settings);
  const checks = [...openingChecks(subject), ...scoreChecks(subject), ...abilityChecks(subject), ...useChecks(subject)];
  return { checks: withoutSkipped(checks, settings.skip), close: () => subject.close() };
}

function openingChecks(s: EngineSubject): Check[] {
  return [
    {
      name: 'says what it is',
      async run() {
        const model = await s.model();
        const { runtime, input } = model;
        const { card, device, workers = 2, threads = 1 } = s.given;
        s.ensure(model.id === card.id, `the model is called '${model.id}', not '${card.id}'.`);
        s.ensure(String(model.classes) === String(card.classes), `its classes are ${model.classes}.`);
        const shape = [...input.spatial, input.channels];
        s.ensure(String(shape) === String(s.shape), `it takes [${shape}], not [${s.shape}].`);
        s.ensure(runtime.engine === s.engine.name, `it says that it runs on '${runtime.engine}'.`);
        s.ensure(runtime.device === device, `it says that it runs on device '${runtime.device}'.`);
        s.ensure(runtime.workers === workers, `it has ${runtime.workers} workers, not ${workers}.`);
        s.ensure(runtime.threads === threads, `it has ${runtime.threads} threads, not ${threads}.`);
        s.ensure(/^\d+\.\d+/.test(runtime.engineVersion), `its version is '${runtime.engineVersion}'.`);
      },
    },
    {
      name: 'refuses devices that do not exist',
      run: () => s.refuses(s.open({ device: 'abacus' }), 'DEVICE', "device 'abacus'"),
    },
    {
      name: 'can be closed, twice and while it works, and then refuses',
      async run() {
        const model = await s.open();
        const endless: Batch = { count: 100_000, write: (_, out) => out.set(s.image(0)) };
        const refused = s.refuses(model.scores(endless, { as: 'logit' }), /closed/, 'work of a model that is closed');
        await model.close();
        await refused;
        await model.close();
        await s.refuses(model.scores(s.all, { as: 'logit' }), /closed/, 'a model that was closed');
      },
    },
  ];
}

function scoreChecks(s: EngineSubject): Check[] {
  const checks: Check[] = [
    {
      name: 'gives scores that fit together',
      async run() {
        const model = await s.model();
        const [z, f, p] = await Promise.all(KINDS.map(as => model.scores(s.all, { as })));
        for (let i = 0; i < s.count; i++) {
          const shares = [...s.row(p!, i)];
          s.near([shares.reduce((a, b) => a + b, 0)], [1], 1e-5, 'the sum of the probabilities');
          const odds = shares.map(v => Math.log(v) - Math.log1p(-v));
          odds.forEach((want, c) => {
            // Probabilities that round to 0 or 1 do not tell the margin.
            if (Math.abs(want) < 10) s.near([s.row(f!, i)[c]!], [want], 1e-3, `the margin of class ${c}`);
          });
          const first = [...s.row(z!, i)];
          if (s.given.card.explainAt === 'output') s.near(first, shares, 1e-7, "the model's own output");
          const top = (values: readonly number[]) => values.indexOf(Math.max(...values));
          s.ensure(top(first) === top(shares), 'the largest logit and the largest probability are of two classes.');
        }
      },
    },
    {
      name: 'scores a batch as it scores its images one by one',
      async run() {
        const model = await s.model();
        const together = await model.scores(s.all, { as: 'logit' });
        for (let i = 0; i < s.count; i++) {
          const alone = await model.scores(s.one(i), { as: 'logit' });
          s.near(alone.data, s.row(together, i), s.tolerance, `image ${i} alone`);
        }
      },
    },
    {
      name: 'scores the same whatever the micro-batch, workers and threads',
      async run() {
        const model = await s.model();
        const other = await s.open({ microBatch: 3, workers: 1, threads: 2 });
        try {
          const [here, there] = await Promise.all([model, other].map(m => m.scores(s.all, { as: 'logit' })));
          s.near(there!.data, here!.data, s.tolerance, 'scores under other settings');
        } finally {
          await other.close();
        }
      },
    },
    {
      name: 'takes an empty batch',
      async run() {
        const { shape } = await (await s.model()).scores(batchOf(), { as: 'logit' });
        s.ensure(String(shape) === String([0, s.classes]), `scores of no image are [${shape}].`);
      },
    },
    {
      name: 'writes each image once, in ascending order',
      async run() {
        const written: number[] = [];
        const write = (i: number, out: Float32Array) => {
          written.push(i);
          s.ensure(out.length === sizeOf(s.shape), `an image is written into ${out.length} values.`);
          out.set(s.image(i % s.count));
        };
        await (await s.model()).scores({ count: 7, write }, { as: 'logit' });
        s.ensure(String(written) === '0,1,2,3,4,5,6', `images are written in the order ${written}.`);
      },
    },
  ];
  const { reference } = s.given;
  if (reference) {
    checks.push({
      name: 'gives the scores of the formula',
      async run() {
        const model = await s.model();
        for (const as of KINDS) {
          const [got, want] = await Promise.all([model, reference].map(m => m.scores(s.all, { as })));
          s.near(got!.data, want!.data, 1e-4, `the ${as}`);
        }
      },
    });
  }
  return checks;
}

function useChecks(s: EngineSubject): Check[] {
  return [
    {
      name: 'counts what is asked of each meter, and of no other',
      async run() {
        const model = await s.model();
        const [a, b] = [counting(model), counting(model)];
        await Promise.all([
          a.metered.scores(s.all, { as: 'logit' }),
          b.metered.scores(s.one(0), { as: 'probability' }),
          model.scores(s.all, { as: 'logit' }),
        ]);
        s.ensure(a.counts.forward === s.count && a.counts.backward === 0, `it counts ${JSON.stringify(a.counts)}.`);
        s.ensure(b.counts.forward === 1, `a meter of one image counts ${b.counts.forward}.`);
      },
    },
    {
      name: 'answers calls that run at the same time as it answers them one by one',
      async run() {
        const model = await s.model();
        const want = await model.scores(s.all, { as: 'logit' });
        const same = await Promise.all([1, 2, 3].map(() => model.scores(s.all, { as: 'logit' })));
        for (const { data } of same) s.near(data, want.data, s.tolerance, 'scores asked for at the same time');
      },
    },
    {
      name: 'stops soon after an abort, and goes on to work',
      async run() {
        const model = await s.model();
        const controller = new AbortController();
        let written = 0;
        const endless: Batch = {
          count: 100_000,
          write(i, out) {
            out.set(s.image(i % s.count));
            if (++written === 5) controller.abort();
          },
        };
        const { signal } = controller;
        await s.refuses(model.scores(endless, { as: 'logit', signal }), /./, 'work after an abort');
        s.ensure(written < 50, `${written} images were written after an abort at 5.`);
        await s.refuses(model.scores(s.all, { as: 'logit', signal }), /./, 'new work with an aborted signal');
        await model.scores(s.all, { as: 'logit' });
      },
    },
    {
      name: 'passes on what a caller throws, and goes on to work',
      async run() {
        const model = await s.model();
        const broken: Batch = {
          count: 4,
          write(i, out) {
            if (i === 2) throw new Error('no such image');
            out.set(s.image(0));
          },
        };
        await s.refuses(model.scores(broken, { as: 'logit' }), /no such image/, 'a batch that throws');
        await model.scores(s.all, { as: 'logit' });
      },
    },
  ];
}
