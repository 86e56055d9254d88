import type { Curve, Status } from '../../src/core/contracts/index.ts';
import { createRng, type Rng } from '../../src/core/rng.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import { collect } from '../../src/reports/summary/collect.ts';
import { galleryChoice } from '../../src/reports/summary/gallery-choice.ts';
import type { GalleryImage, RunData } from '../../src/reports/summary/run-data.ts';
import type { Manifest, Row, SampleRow, ScoreRow } from '../../src/results/rows.ts';

/** A made-up run: what is there and what is wrong with it. */
export interface FixtureOptions {
  readonly patients?: number;
  readonly images?: number;
  readonly methods?: readonly string[];
  readonly labels?: boolean;
  readonly masks?: boolean;
  readonly timing?: boolean;
  readonly controls?: boolean;
  readonly size?: number;
  readonly models?: readonly string[];
  readonly classes?: readonly string[];
  /** Every map fails with this reason. */
  readonly broken?: string;
  /** Names that want to be markup. */
  readonly hostile?: boolean;
  /** How well the classifier does: 0 is chance. */
  readonly skill?: number;
  readonly state?: Manifest['state'];
  /** Budgets of passes, tried on four images. */
  readonly budgets?: readonly number[];
  /** Default: the positive class. */
  readonly target?: 'predicted';
  readonly analysis?: Manifest['analysis'];
  /** A metric with one value for all maps of an explainer. */
  readonly groups?: boolean;
  /** Timed on a second device too, with a clock of its own. */
  readonly gpu?: boolean;
}

const QUALITY: Readonly<Record<string, number>> = {
  'grad-cam': 0.25,
  'integrated-gradients': 0.13,
  lime: 0.2,
  occlusion: 0.28,
  centre: 0.06,
  edges: 0.02,
  random: 0,
};

const CITES: Readonly<Record<string, string>> = {
  'grad-cam': 'Selvaraju et al., ICCV 2017, doi:10.1109/ICCV.2017.74',
  'integrated-gradients': 'Sundararajan et al., ICML 2017, arXiv:1703.01365',
  lime: 'Ribeiro et al., KDD 2016, doi:10.1145/2939672.2939778',
  occlusion: 'Zeiler & Fergus, ECCV 2014, arXiv:1311.2901',
};

/** A tag, quotes, text from right to left, an emoji. */
export const HOSTILE_PATIENT = `<b>"O'Neil" مريض 🫁`;

export const HOSTILE = `"><script>alert('100%')</script>&amp;{{x}}\u0007 .png`;

export async function fixture(options: FixtureOptions = {}): Promise<RunData> {
  const { manifest, rows } = fixtureRows(options);
  const summary = await collect(manifest, rows);
  const size = options.size ?? 32;
  const gallery = galleryChoice(manifest, summary, 8).map(pick => {
    const rng = createRng(pick.sample);
    const at: [number, number] = [0.35 + 0.3 * rng.next(), rng.next() < 0.5 ? 0.3 : 0.7];
    const view = slice(size, at, rng);
    const image: GalleryImage = {
      model: pick.model,
      sample: pick.sample,
      view,
      slice: tensor(
        view.shape,
        view.data.map(v => Math.round(1500 * v - 1350)),
      ),
      films: pick.methods.slice(0, 2).map((method, which) => ({
        method,
        metric: 'deletion',
        from: 'image',
        steps: tensor(
          [size, size],
          Float32Array.from({ length: size * size }, (_, i) => 1 + ((i * 7) % 25)),
        ),
        baseline: tensor([size, size]),
        // The second as a filler makes it: every frame of one grey.
        ...(which === 1 ? { frames: curveOf(8, false).score.map((_, k) => greyFrame(size, k)) } : {}),
        curve: curveOf(8, false),
      })),
      maps: pick.methods.map(method => ({ method, map: heat(size, at, method, rng.fork(method)) })),
      ...(options.masks === false ? {} : { mask: disc(size, at, 0.1) }),
    };
    return { ...pick, load: async () => image };
  });
  return { manifest, summary, gallery };
}

const greyFrame = (size: number, k: number) =>
  tensor([size, size], new Float32Array(size * size).fill((200 - 7 * k) / 255));

export function fixtureRows(options: FixtureOptions = {}): { manifest: Manifest; rows: Row[] } {
  const manifest = fixtureManifest(options);
  const rng = createRng('fixture');
  const { patients = 32, images = 56, skill = 1 } = options;
  const rows: Row[] = [];
  for (const model of manifest.models) {
    for (let i = 0; i < images; i++) {
      const stream = rng.fork(model.id, i);
      const patient = options.hostile ? `P${i % patients} ${HOSTILE_PATIENT}` : `Patient ${101 + (i % patients)}`;
      const label = model.classes[(i % patients) % model.classes.length]!;
      const z = skill * 0.9 * ((i % patients) % 2 === 0 ? -1 : 1) + 1.1 * stream.normal();
      const p = 1 / (1 + Math.exp(-z));
      const rest = Math.max(1, model.classes.length - 2);
      const probabilities = model.classes.map((_, c) => (c === 0 ? 1 - p : c === 1 ? p : 0) * (c < 2 ? 1 : 1 / rest));
      const predicted = model.classes[p > 0.5 ? 1 : 0]!;
      const sample: SampleRow = {
        kind: 'sample',
        status: 'ok',
        model: model.id,
        index: i,
        sample: options.hostile ? `${i}${HOSTILE}` : `${label}/slice 42%${i}.png`,
        source: 'covid-ct',
        patient,
        size: [512, 512],
        intensity: { unit: 'HU', window: [-1350, 150] },
        predicted,
        probabilities,
        ...(options.target === 'predicted'
          ? { target: predicted, targetProbability: Math.max(p, 1 - p) }
          : { target: model.classes[1]!, targetProbability: p }),
        hasMask: options.masks !== false && i % 3 !== 0,
        ...(options.labels === false ? {} : { label }),
      };
      rows.push(sample);
      const effect = 0.08 * rng.fork('patient', i % patients).normal();
      for (const method of manifest.methods)
        rows.push(...rowsOfMethod(manifest, sample, method, effect, stream, options));
    }
    if (options.groups) rows.push(...groupRows(manifest, model.id, images));
    if (options.timing !== false) rows.push(...timings(manifest, model.id));
    if (options.gpu) rows.push(...timings(manifest, model.id).map(onGpu));
    if (options.budgets) rows.push(...budgetRows(manifest, model.id, rows, options.budgets, rng.fork('budgets')));
  }
  return { manifest, rows };
}

function rowsOfMethod(
  manifest: Manifest,
  sample: SampleRow,
  method: Manifest['methods'][number],
  effect: number,
  rng: Rng,
  { broken }: FixtureOptions,
): Row[] {
  const base = { model: sample.model, sample: sample.sample, method: method.id, target: sample.target! };
  const camFailed = method.id === 'grad-cam' && rng.next() < 0.04;
  const [status, reason]: [Status, string | undefined] = broken
    ? ['failed', broken]
    : camFailed
      ? ['undefined', 'Grad-CAM: no positive evidence, the map is zero everywhere']
      : ['ok', undefined];
  const passes = { forward: method.id === 'lime' ? 1000 : method.id === 'occlusion' ? 729 : 1, backward: 1 };
  const rows: Row[] = [
    {
      kind: 'map',
      ...base,
      status,
      ...(reason === undefined ? {} : { reason }),
      ...(method.baseline === undefined ? {} : { baseline: method.baseline }),
      ...(method.id === 'lime' ? { diagnostics: { r2: 0.6 + 0.3 * rng.next() } } : {}),
      ...(method.id === 'grad-cam' ? { notes: { layer: 'features.norm5' } } : {}),
      passes,
    },
  ];
  for (const metric of manifest.metrics.filter(m => m.scope !== 'group')) {
    const own = { kind: 'score' as const, ...base, metric: metric.id, passes: { forward: 101, backward: 0 } };
    const q = (QUALITY[method.name] ?? 0) + (method.of ? 0.3 * (QUALITY[method.of] ?? 0) : 0);
    if (status !== 'ok') {
      rows.push({ ...own, status: 'skipped', reason: `no map: ${reason}` });
      continue;
    }
    if (metric.category === 'localisation' && !sample.hasMask) {
      rows.push({ ...own, status: 'skipped', reason: 'the image has no mask' });
      continue;
    }
    const contrast = Math.abs(4 * rng.next());
    if (metric.id === 'srg' && contrast < 0.3) {
      const words = `the baseline changes the score by ${contrast.toFixed(3)} logit, less than 0.5`;
      rows.push({ ...own, status: 'undefined', reason: words });
      continue;
    }
    rows.push({ ...own, status: 'ok', ...scoreOf(metric.id, q + effect, rng) });
  }
  return rows;
}

function scoreOf(metric: string, q: number, rng: Rng): Pick<ScoreRow, 'value' | 'curve' | 'chance'> {
  const noise = 0.07 * rng.normal();
  if (metric === 'deletion') return { value: 0.45 - q + noise, curve: curveOf(4 + 20 * q + 10 * noise, false) };
  if (metric === 'insertion') return { value: 0.5 + q + noise, curve: curveOf(4 + 20 * q + 10 * noise, true) };
  if (metric === 'srg') return { value: 1.6 * q + noise };
  if (metric === 'pointing-game') return { value: rng.next() < 0.2 + 2 * q ? 1 : 0, chance: 0.11 };
  return { value: Math.max(0, Math.min(1, 0.1 + q + noise)) };
}

function curveOf(rate: number, rising: boolean): Curve {
  const steps = 25;
  const fraction = Array.from({ length: steps + 1 }, (_, i) => i / steps);
  const fall = (f: number) => 0.1 + 0.8 * Math.exp(-Math.max(0.5, rate) * f);
  return { fraction, score: fraction.map(f => (rising ? 1 - fall(f) : fall(f))) };
}

function groupRows({ methods }: Manifest, model: string, maps: number): Row[] {
  return methods.map(({ id, of }, i): Row => {
    const names = { kind: 'group' as const, model, method: id, metric: 'consistency' };
    if (of !== undefined) return { ...names, status: 'undefined', reason: 'only one class is predicted', maps };
    return { ...names, status: 'ok', value: 0.55 + 0.05 * i, chance: 0.5, details: { pairs: 12 }, maps };
  });
}

function timings(manifest: Manifest, model: string): Row[] {
  return manifest.methods
    .filter(m => m.role === 'method')
    .map((method, i): Row => {
      const common = { kind: 'timing' as const, model, method: method.id, engine: 'onnxruntime-node', device: 'cpu' };
      if (method.id === 'lime' && manifest.methods.length > 20) {
        return { ...common, status: 'failed', reason: 'too slow', samples: 0 };
      }
      const p50 = [95, 2140, 12900, 9400][i % 4]!;
      return {
        ...common,
        status: 'ok',
        samples: i === 0 ? 80 : 12,
        wallMs: { mean: p50 * 1.03, sd: p50 * 0.06, p50, min: p50 * 0.95, ...(i === 0 ? { p95: p50 * 1.2 } : {}) },
        firstMs: p50 * 1.8,
        cpuMs: p50 * 1.9,
        passes: { forward: [1, 1, 1000, 729][i % 4]!, backward: [1, 50, 0, 0][i % 4]! },
        peakRssMb: 612.4,
      };
    });
}

function onGpu(row: Row): Row {
  if (row.kind !== 'timing' || row.status !== 'ok') return row;
  const p50 = row.wallMs!.p50 / 7;
  return {
    ...row,
    asked: 'webgpu',
    device: 'webgpu',
    deviceName: 'a device <b>',
    wallMs: { ...row.wallMs!, p50, q1: 0.9 * p50, q3: 1.2 * p50 },
    deviceMs: { p50: 0.6 * p50, sumP50: 0.7 * p50, samples: 5 },
    deviceTimeSource: 'timestamp queries',
    transferMs: 0.1 * p50,
    openMs: 812,
    jsMs: 0.2 * p50,
    deviceMemoryMb: 88,
    energyJ: 1.25,
    energySource: 'nvidia-smi, whole device',
    elsewhere: { Resize: 2, Softmax: 1 },
    machine: { cores: 4, othersCores: 2.2, clockMhz: [2400, 1800] },
    unstable: ['it scatters: the middle half of its repeats spans 31 %', 'other processes kept 2.2 of 4 cores busy'],
    remarks: ['it waits: neither CPU nor device works in 61 % of its time'],
    absent: { energy_j: 'RAPL: energy_uj is missing' },
  };
}

/** Grad-CAM as it is; the others better with every doubling, their maps closer to themselves. */
function budgetRows(
  { methods, metrics }: Manifest,
  model: string,
  rows: readonly Row[],
  budgets: readonly number[],
  rng: Rng,
): Row[] {
  const samples = rows.filter((row): row is SampleRow => row.kind === 'sample' && row.model === model).slice(0, 4);
  return methods
    .filter(m => m.role === 'method')
    .flatMap(method =>
      (method.name === 'grad-cam' ? [undefined] : budgets).flatMap(budget =>
        samples.map(({ sample, patient }, i): Row => {
          const names = { kind: 'budget' as const, model, sample, patient, method: method.id };
          const at = budget === undefined ? {} : { budget };
          if (method.name === 'occlusion' && budget !== undefined && budget < 30) {
            return { ...names, ...at, status: 'skipped', reason: `${budget} passes are too few for it` };
          }
          const gain = budget === undefined ? 0 : 0.02 * Math.log2(budget);
          const q = (QUALITY[method.name] ?? 0) + gain;
          const values = Object.fromEntries(metrics.map(({ id }) => [id, scoreOf(id, q, rng).value!]));
          const last = budget === budgets.at(-1);
          const kind = method.name === 'lime' ? ('seed' as const) : ('largest' as const);
          return {
            ...names,
            ...at,
            passes: { forward: budget ?? 1, backward: budget === undefined ? 1 : 0 },
            wallMs: 3 * (budget ?? 4) + i,
            values,
            ...(budget === undefined || (last && kind === 'largest')
              ? {}
              : { self: { with: kind, correlation: 1 - 10 / budget } }),
            status: 'ok',
          };
        }),
      ),
    );
}

export function fixtureManifest(options: FixtureOptions = {}): Manifest {
  const names = options.methods ?? ['grad-cam', 'integrated-gradients', 'lime', 'occlusion'];
  const classes = options.classes ?? ['NonCOVID', 'COVID'];
  const methods: Manifest['methods'][number][] = names.map(name => ({
    id: options.hostile ? `${name} "<i>` : name,
    name,
    title: name.replace('-', ' '),
    cite: CITES[name] ?? 'A. N. Author, 2020',
    kind: name === 'grad-cam' ? 'ranking' : 'additive',
    role: 'method',
    options: {},
    ...(name === 'occlusion' || name === 'integrated-gradients' ? { baseline: 'air' } : {}),
  }));
  if (options.controls !== false) {
    for (const name of ['random', 'edges', 'centre']) {
      methods.push({ id: name, name, title: name, cite: '', kind: 'ranking', role: 'control', options: {} });
    }
    for (const of of methods.filter(m => m.role === 'method')) {
      methods.push({
        id: `shuffled:${of.id}`,
        name: 'shuffled',
        title: 'Shuffled',
        cite: '',
        kind: of.kind,
        role: 'control',
        of: of.id,
        options: {},
      });
    }
  }
  const metric = (id: string, title: string, category: string, better: 'higher' | 'lower', cite: string) => ({
    id,
    name: id,
    title,
    cite,
    category,
    better,
    options: {},
    ...(category === 'faithfulness' ? { baseline: 'air' } : {}),
    ...(id === 'srg' ? { chance: 0 } : id === 'pointing-game' ? { chance: 'image' as const } : {}),
    range: (id === 'srg' ? [-1, 1] : [0, 1]) as [number, number],
  });
  return {
    formatVersion: 1,
    name: options.hostile ? `suite ${HOSTILE}` : 'covid-ct',
    planDigest: '9f2c41d07ab35e18',
    state: options.state ?? 'complete',
    command: options.hostile ? `ct-xai run '${HOSTILE}'` : 'ct-xai run configs/covid-ct.yaml --out runs/covid-ct',
    suite: { name: 'covid-ct', seed: 7, explainers: names, note: options.hostile ? HOSTILE : 'resolved' },
    seed: '7',
    versions: { 'ct-xai-bench': '0.1.0', node: '20.20.0', 'onnxruntime-node': '1.30.0' },
    hardware: { cpu: 'Example CPU at 2.5 GHz', cores: 2, memoryGb: 8, os: 'Linux 6.1' },
    startedAt: '2026-01-05T10:00:00.000Z',
    ...(options.state === undefined || options.state === 'complete' ? { endedAt: '2026-01-05T10:21:40.000Z' } : {}),
    resumed: 0,
    dataset: {
      name: 'covid-ct',
      digest: 'c0ffee00112233',
      count: options.images ?? 56,
      labels: options.labels === false ? [] : classes,
    },
    models: (options.models ?? ['densenet121']).map((id, i) => ({
      id: options.hostile ? `${id}<&>` : id,
      digest: i === 0 ? 'ab12cd34ef56' : `${i}b12cd34ef56`,
      classes,
      task: 'softmax',
      runtime: {
        engine: 'onnxruntime-node',
        engineVersion: '1.30.0',
        device: 'cpu',
        microBatch: 8,
        workers: 1,
        threads: 2,
        camLayer: 'features.norm5',
      },
    })),
    methods,
    metrics: [
      metric('deletion', 'Deletion', 'faithfulness', 'lower', 'Petsiuk et al., BMVC 2018, arXiv:1806.07421'),
      metric('insertion', 'Insertion', 'faithfulness', 'higher', 'Petsiuk et al., BMVC 2018, arXiv:1806.07421'),
      metric('srg', 'Symmetric relevance gain', 'faithfulness', 'higher', 'Blücher et al., TMLR 2024'),
      metric('pointing-game', 'Pointing game', 'localisation', 'higher', 'Zhang et al., IJCV 2018'),
      metric('relevance-mass', 'Relevance mass accuracy', 'localisation', 'higher', 'Arras et al., 2022'),
      ...(options.groups
        ? [
            {
              ...metric('consistency', 'Consistency', 'robustness', 'higher', 'Dasgupta et al., ICML 2022'),
              scope: 'group' as const,
            },
          ]
        : []),
    ],
    target: options.target ?? 'positive',
    ...(options.analysis ? { analysis: options.analysis } : {}),
  };
}

/** Something like an axial chest slice: body, two lungs, spine, a lesion. */
function slice(size: number, lesion: readonly [number, number], rng: Rng): Tensor {
  const out = tensor([size, size]);
  for (let r = 0; r < size; r++) {
    for (let c = 0; c < size; c++) {
      const [y, x] = [r / size, c / size];
      let v = 0.02;
      if (inside(y, x, 0.5, 0.5, 0.36, 0.46)) v = 0.55;
      if (inside(y, x, 0.47, 0.3, 0.25, 0.15) || inside(y, x, 0.47, 0.7, 0.25, 0.15)) v = 0.12;
      if (inside(y, x, 0.74, 0.5, 0.07, 0.07)) v = 0.9;
      if (inside(y, x, lesion[0], lesion[1], 0.1, 0.08)) v = Math.max(v, 0.4);
      out.data[r * size + c] = Math.max(0, Math.min(1, v + 0.03 * rng.normal()));
    }
  }
  return out;
}

function heat(size: number, lesion: readonly [number, number], method: string, rng: Rng): Tensor {
  const out = tensor([size, size]);
  const width = method.startsWith('grad') ? 0.16 : method.startsWith('occ') ? 0.1 : 0.06;
  const far = method.startsWith('shuffled') || method === 'centre';
  for (let r = 0; r < size; r++) {
    for (let c = 0; c < size; c++) {
      const [dy, dx] = [r / size - (far ? 0.5 : lesion[0]), c / size - (far ? 0.5 : lesion[1])];
      const blob = Math.exp(-(dy * dy + dx * dx) / (2 * width * width));
      const spread = method.startsWith('integrated') || method === 'random' ? 0.35 * rng.normal() : 0;
      const negative = method.startsWith('lime') ? -0.4 * Math.exp(-((dx + 0.4) ** 2 + dy * dy) / 0.01) : 0;
      out.data[r * size + c] = 3.2e-3 * ((method === 'random' ? 0.2 : blob) * (1 + spread) + 0.2 * spread + negative);
    }
  }
  return out;
}

function disc(size: number, [y, x]: readonly [number, number], radius: number): Tensor {
  const out = tensor([size, size]);
  for (let r = 0; r < size; r++) {
    for (let c = 0; c < size; c++) out.data[r * size + c] = inside(r / size, c / size, y, x, radius, radius) ? 1 : 0;
  }
  return out;
}

function inside(y: number, x: number, cy: number, cx: number, ry: number, rx: number): boolean {
  return ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1;
}
