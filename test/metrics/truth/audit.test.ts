import { beforeAll, describe, expect, it } from 'vitest';
import { linearModel } from '../../../src/conformance/index.ts';
import { type Effects, isUndefined, type Metric } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { truthMap } from '../../../src/methods/shared/truth-map.ts';
import { deletion } from '../../../src/metrics/faithfulness/deletion.ts';
import { insertion } from '../../../src/metrics/faithfulness/insertion.ts';
import { srg } from '../../../src/metrics/faithfulness/srg.ts';
import { auc } from '../../../src/metrics/localisation/auc.ts';
import { pointingGame } from '../../../src/metrics/localisation/pointing-game.ts';
import { rankAccuracy } from '../../../src/metrics/localisation/rank-accuracy.ts';
import { relevanceMass } from '../../../src/metrics/localisation/relevance-mass.ts';
import { causalContrast } from '../../../src/metrics/truth/causal-contrast.ts';
import type { Answered, MethodEntry, MetricAnalysis } from '../../../src/reports/analysis/analysis.ts';
import { type AuditEntry, auditOf } from '../../../src/reports/analysis/audit.ts';
import type { ScoreCell } from '../../../src/reports/summary/collect.ts';
import { evaluate, type Scene } from '../scene.ts';

// Patients whose truth follows by algebra: a linear model of pixels uses the lesion or the patch, the other means nothing.
const SIDE = 24;
const N = SIDE * SIDE;
const PATIENTS = 16;
type Factor = 'lesion' | 'patch';

interface Patient {
  readonly regions: Readonly<Record<Factor, Tensor>>;
  readonly image: Tensor;
}
let patients: Patient[];

beforeAll(() => {
  patients = Array.from({ length: PATIENTS }, (_, i) => {
    const rng = createRng('audit').fork(i);
    const block = (top: number, left: number) =>
      tensor(
        [SIDE, SIDE],
        Float32Array.from({ length: N }, (_, p) => {
          const [y, x] = [Math.floor(p / SIDE) - top, (p % SIDE) - left];
          return y >= 0 && y < 5 && x >= 0 && x < 5 ? 1 : 0;
        }),
      );
    const regions = { lesion: block(rng.int(19), rng.int(7)), patch: block(rng.int(19), 12 + rng.int(7)) };
    const data = Float32Array.from({ length: N }, (_, p) => {
      const bright = regions.lesion.data[p]! + regions.patch.data[p]!;
      return 0.3 + 0.4 * bright + 0.05 * rng.normal();
    });
    return { regions, image: tensor([SIDE, SIDE, 1], data) };
  });
});

const METRICS: readonly (readonly [Metric, Record<string, unknown>])[] = [
  [srg, { steps: 24, score: 'margin', tieFields: 1 }],
  [relevanceMass, { skill: false }],
  [causalContrast, {}],
  [deletion, { steps: 24, score: 'margin', tieFields: 1 }],
  [insertion, { steps: 24, score: 'margin', tieFields: 1 }],
  [pointingGame, {}],
  [auc, {}],
  [rankAccuracy, { skill: false }],
];
/** These ask whether a map shows the lesion, and not whether it shows what the model uses. */
const OF_LESIONS = ['relevance-mass', 'pointing-game', 'auc', 'rank-accuracy'];

function effectsOf({ regions }: Patient, used: Factor): Effects {
  const factor = (name: Factor, role: string) => ({
    ...{ name, role, region: regions[name], change: 25 * 400 },
    effect: name === used ? 2 : 0,
  });
  return {
    factors: [factor('lesion', 'lesion'), factor('patch', 'distractor')],
    threshold: 0.1,
    ...{ interaction: 0, interactionIndex: 0, background: 0, covered: 1 },
  };
}

/** Truth and controls, as a run would make them. */
function mapsOf(patient: Patient, used: Factor, i: number): Record<string, Tensor> {
  const rng = createRng('maps').fork(i);
  const truth = (of: Factor) => truthMap(effectsOf(patient, of), [SIDE, SIDE]) as Tensor;
  const oracle = truth(used);
  const anywhere = rng.shuffle(oracle.data.slice());
  const of = (value: (p: number) => number) =>
    tensor(
      [SIDE, SIDE],
      Float32Array.from({ length: N }, (_, p) => value(p)),
    );
  return {
    oracle,
    'oracle-other': truth(used === 'lesion' ? 'patch' : 'lesion'),
    'oracle-mixed': of(p => 0.5 * oracle.data[p]! + 0.5 * anywhere[p]!),
    random: of(() => rng.next()),
    centre: of(p => -((Math.floor(p / SIDE) - 11.5) ** 2) - ((p % SIDE) - 11.5) ** 2),
    'hu-contrast': of(p => Math.abs(patient.image.data[p]! - 0.3)),
  };
}

async function audited(used: Factor, strength = 1): Promise<ReadonlyMap<string, AuditEntry>> {
  const values = new Map<string, Map<string, number>>();
  for (const [i, patient] of patients.entries()) {
    const weights = [...patient.regions[used].data].map(v => (strength * v) / 5);
    const model = linearModel({ height: SIDE, width: SIDE, weights: [weights, weights.map(() => 0)] });
    for (const [method, attribution] of Object.entries(mapsOf(patient, used, i))) {
      const baseline = tensor([SIDE, SIDE, 1], new Float32Array(N).fill(0.3));
      const scene: Scene = { model, image: patient.image, baseline, attribution, mask: patient.regions.lesion };
      for (const [metric, options] of METRICS) {
        const found = await evaluate(metric, scene, options, { effects: effectsOf(patient, used) });
        if (isUndefined(found)) continue;
        const key = `${metric.name}/${method}`;
        values.set(key, (values.get(key) ?? new Map()).set(`s${i}`, found.value));
      }
    }
  }
  const samples = patients.map((_, i) => `s${i}`);
  const cells = [...values].map(([key, own]) => {
    const [metric, method] = key.split('/');
    return { metric, method, values: own };
  });
  const methods = Object.keys(mapsOf(patients[0]!, used, 0)).map(id => ({ id, name: id, role: 'control' }));
  const entries = METRICS.map(([metric]) => ({
    metric: { ...metric, id: metric.name },
    ...{ smallest: 0.02, methods: [], controls: [] },
  }));
  const found = auditOf(entries as unknown as MetricAnalysis[], {
    methods: methods as unknown as MethodEntry[],
    cells: cells as unknown as ScoreCell[],
    answered: new Map(samples.map(s => [s, { sample: s, patient: s }])) as unknown as Answered,
    only: new Set(samples),
    disjoint: true,
    rng: createRng('audit test'),
  });
  return new Map(found.map(entry => [entry.metric, entry]));
}

describe('an audit where the truth is known', () => {
  it('supports what finds the lesion that the model uses', async () => {
    const found = await audited('lesion');
    expect([...found.keys()]).toEqual(METRICS.map(([metric]) => metric.name));
    expect([...found].slice(0, 3).map(([metric, { verdict, reason }]) => [metric, verdict, reason])).toEqual([
      ['srg', 'supported', expect.stringContaining('it beats the truth about another model')],
      ['relevance-mass', 'supported', expect.any(String)],
      ['causal-contrast', expect.stringMatching(/^(supported|not shown)$/), expect.any(String)],
    ]);
  });

  it('of a model that ignores the lesion it does not support a metric that only looks for lesions', async () => {
    const found = await audited('patch');
    expect(found.get('srg')!.verdict).toBe('supported');
    for (const metric of OF_LESIONS) expect(found.get(metric)!.verdict, metric).not.toBe('supported');
    expect(found.get('relevance-mass')!.verdict).toBe('contradicted');
  });

  it('of a model whose score never moves no metric that asks it has a value, whatever is taken for the truth', async () => {
    const found = await audited('patch', 0);
    for (const metric of ['srg', 'deletion', 'insertion']) expect(found.get(metric)?.verdict, metric).toBe('untested');
    for (const metric of OF_LESIONS) expect(found.get(metric)!.verdict, metric).not.toBe('supported');
  });
});
