import { z } from 'zod';
import type { Row } from './rows.ts';

/** A run folder may come from somebody else: what reports and tables rely on is checked when it is read. */

const text = z.string();
const number = z.number();
const texts = z.record(text, text);
const numbers = z.record(text, number);
const passes = z.looseObject({ forward: number, backward: number });
const curve = z.looseObject({ fraction: z.array(number), score: z.array(number) });
const outcome = {
  job: text.optional(),
  status: z.enum(['ok', 'undefined', 'skipped', 'failed']),
  reason: text.optional(),
};
const variants = {
  modelVariant: text.optional(),
  sampleVariant: text.optional(),
  replicate: number.optional(),
};
const costs = { passes: passes.optional(), saved: passes.optional(), explaining: passes.optional() };

const sample = z.looseObject({
  kind: z.literal('sample'),
  ...outcome,
  model: text,
  sample: text,
  index: number,
  source: text,
  patient: text,
  label: text.optional(),
  findings: z.record(z.string(), z.boolean()).optional(),
  size: z.array(number).optional(),
  doubt: z.enum(['impossible', 'airless']).optional(),
  predicted: text.optional(),
  probabilities: z.array(number).optional(),
  target: text.optional(),
  targetProbability: number.optional(),
  values: z.array(number).optional(),
  targetValue: number.optional(),
  referenceValue: number.optional(),
  hasMask: z.boolean().optional(),
  outcome: text.optional(),
  groups: texts.optional(),
  exam: text.optional(),
  view: text.optional(),
  slice: text.optional(),
  intensity: z.looseObject({ unit: z.enum(['HU', 'grey']), window: z.tuple([number, number]) }).optional(),
  mask: text.optional(),
});

const map = z.looseObject({
  kind: z.literal('map'),
  ...outcome,
  ...variants,
  model: text,
  sample: text,
  method: text,
  target: text.optional(),
  baseline: text.optional(),
  file: text.optional(),
  files: texts.optional(),
  predicted: text.optional(),
  passes: passes.optional(),
  diagnostics: numbers.optional(),
  notes: texts.optional(),
});

const scored = {
  ...outcome,
  ...variants,
  ...costs,
  model: text,
  sample: text,
  method: text,
  metric: text,
  target: text.optional(),
  baseline: text.optional(),
};

const score = z.looseObject({
  kind: z.literal('score'),
  ...scored,
  value: number.optional(),
  error: number.optional(),
  chance: number.optional(),
  details: numbers.optional(),
  curve: curve.optional(),
  film: z
    .looseObject({ from: z.enum(['image', 'baseline']), curve: curve.optional(), file: text.optional() })
    .optional(),
});

const item = z.looseObject({ kind: z.literal('item'), ...scored });

const group = z.looseObject({
  kind: z.literal('group'),
  ...outcome,
  model: text,
  method: text,
  metric: text,
  baseline: text.optional(),
  value: number.optional(),
  details: numbers.optional(),
  maps: number,
});

const timing = z.looseObject({
  kind: z.literal('timing'),
  ...outcome,
  model: text,
  engine: text,
  device: text,
  deviceName: text.optional(),
  asked: text.optional(),
  method: text,
  samples: number,
  wallMs: z.looseObject({ mean: number, p50: number, min: number }).optional(),
  calls: z.array(z.tuple([number, number])).optional(),
  deviceMs: z.looseObject({ p50: number }).optional(),
  deviceTimeSource: text.optional(),
  energySource: text.optional(),
  passes: passes.optional(),
  elsewhere: numbers.optional(),
  machine: z.looseObject({ cores: number }).optional(),
  unstable: z.array(text).optional(),
  remarks: z.array(text).optional(),
  absent: texts.optional(),
  ...Object.fromEntries(
    ['openMs', 'firstMs', 'cpuMs', 'jsMs', 'transferMs', 'deviceMemoryMb', 'energyJ', 'peakRssMb'].map(key => [
      key,
      number.optional(),
    ]),
  ),
});

const budget = z.looseObject({
  kind: z.literal('budget'),
  ...outcome,
  model: text,
  sample: text,
  patient: text,
  method: text,
  budget: number.optional(),
  options: z.record(text, z.unknown()).optional(),
  passes: passes.optional(),
  wallMs: number.optional(),
  values: numbers.optional(),
  without: texts.optional(),
  self: z.looseObject({ with: z.enum(['seed', 'largest']), correlation: number }).optional(),
});

const row = z.discriminatedUnion('kind', [sample, map, score, item, group, timing, budget]);

/** Whether a line of a journal, parsed, is a row: with all that its kind needs, and finite numbers. */
export function isRow(value: unknown): value is Row {
  return row.safeParse(value).success;
}

const part = { id: text, name: text, title: text, cite: text };

/** What of a manifest reports rely on. */
export const manifestSchema = z.looseObject({
  name: text,
  planDigest: text,
  state: z.enum(['running', 'complete', 'interrupted']),
  command: text,
  seed: z.union([text, number]),
  versions: texts,
  hardware: z.looseObject({ cpu: text, cores: number, memoryGb: number, os: text }),
  startedAt: text,
  endedAt: text.optional(),
  resumed: number,
  dataset: z.looseObject({
    name: text,
    digest: text,
    count: number,
    explained: number.optional(),
    labels: z.array(text),
    findings: z.array(text).optional(),
  }),
  models: z.array(
    z.looseObject({
      id: text,
      digest: text,
      classes: z.array(text),
      task: text,
      positive: text.optional(),
      group: text.optional(),
      threshold: z.union([number, z.record(text, number)]).optional(),
      measure: text.optional(),
      runtime: z
        .looseObject({ engine: text, engineVersion: text, device: text, limitations: texts.optional() })
        .optional(),
    }),
  ),
  methods: z.array(
    z.looseObject({
      ...part,
      kind: z.enum(['additive', 'regional', 'ranking']),
      role: z.enum(['method', 'control']),
      of: text.optional(),
      baseline: text.optional(),
    }),
  ),
  metrics: z.array(
    z.looseObject({
      ...part,
      category: text,
      better: z.enum(['higher', 'lower']),
      range: z.tuple([number.nullable(), number.nullable()]),
      scope: z.enum(['map', 'group']).optional(),
    }),
  ),
  repetitions: z
    .array(z.looseObject({ id: text, of: text, change: z.enum(['ties', 'seed', 'baseline', 'steps']) }))
    .optional(),
  target: text,
  counts: z.record(text, numbers).optional(),
});
