import { z } from 'zod';
import { cardSchema } from './card-schema.ts';

const id = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/, 'ids have letters, digits, ".", "_" and "-", 80 at most')
  .describe('Names its rows in the results; unique. Default: what is used.');

const options = z.record(z.string(), z.unknown()).describe('Its own options; `ct-xai list` shows them.');
const preset = z.string().describe('A named set of options that copies a known tool’s defaults.');
const baseline = z.string().describe('What stands for "nothing there". Default: its own.');

const wrapped = z
  .union([
    z.string().describe('A name.'),
    z.strictObject({
      use: z.string().describe('A name.'),
      preset: preset.optional(),
      baseline: baseline.optional(),
      options: options.optional(),
    }),
  ])
  .describe('The explainer that it wraps, for explainers such as smoothgrad that wrap another. Default: its own.');

const part = z.union([
  z.string().describe('A name.'),
  z.strictObject({
    use: z.string().describe('A name.'),
    id: id.optional(),
    preset: preset.optional(),
    baseline: baseline.optional(),
    options: options.optional(),
    of: wrapped.optional(),
  }),
]);

const labels = z
  .record(z.string(), z.string().nullable())
  .describe('From the data’s labels to the model’s classes; null leaves such images out. Default: the same names.');

const modelLabels = z
  .record(z.string(), z.string())
  .describe('Like those of the data, where this model calls its classes otherwise.');

const model = z.union([
  z.string().describe('Path of a model card, or of the folder that holds model.yaml.'),
  z.strictObject({
    id: id.optional(),
    card: z.string().describe('Path of a model card, or of the folder that holds model.yaml.'),
    group: cardSchema.shape.group,
    labels: modelLabels.optional(),
  }),
  cardSchema.extend({ id: id.optional(), file: z.string().min(1), labels: modelLabels.optional() }),
]);

const count = z.int().positive();

export const timingSchema = z.strictObject({
  enabled: z.boolean().default(true),
  samples: count.default(3).describe('Images timed.'),
  repeats: count.default(9).describe('Explanations timed per method and model, at least.'),
  seconds: z.number().positive().default(20).describe('Seconds per method and model, at most.'),
  most: z
    .union([z.literal('auto'), z.number().positive()])
    .default('auto')
    .describe(
      'Seconds that the whole phase may take, budgets included; what does not fit is left out, and the report says so. ' +
        '`auto`: a tenth of the run, or two minutes, whichever is more.',
    ),
  devices: z
    .array(z.string().min(1))
    .optional()
    .describe('Devices timed, such as cpu, webgpu or tfjs/wasm. Default: the one that the suite runs on.'),
  budgets: z
    .array(count)
    .default([])
    .describe('Passes at which sampling methods are run and scored on the images timed, such as [50, 100, 200, 500].'),
});

export const engineSchema = z.strictObject({
  use: z.string().default('auto').describe('An engine, or `auto`.'),
  device: z.string().default('auto').describe('A device, which is used or refused; or `auto`.'),
  threads: count.optional(),
  workers: count.optional(),
  microBatch: count.optional(),
});

export const outputSchema = z.strictObject({
  dir: z.string().min(1).optional().describe('The run folder. Default: reports/<name> where it is run.'),
  attributions: z.boolean().default(true).describe('Keep the maps.'),
  curvesCsv: z.boolean().default(false).describe('Curves as curves.csv as well.'),
  formulas: z
    .enum(['neutralised', 'raw'])
    .default('neutralised')
    .describe('What becomes of cells that a spreadsheet would run: an apostrophe stands before them, or nothing.'),
  patients: z
    .enum(['plain', 'hashed'])
    .default('plain')
    .describe('Patients as the data calls them, or by keyed hashes; see CT_XAI_PATIENT_KEY in the README.'),
  gallery: z.int().nonnegative().default(12).describe('Images in the report’s gallery.'),
});

export const analysisSchema = z.strictObject({
  primary: z
    .union([z.string(), z.array(z.string()).min(1)])
    .optional()
    .describe(
      'Id of the metric that decides which explainer is best, or of several whose mean does. Declare it before the run: all else is exploratory. Default: causal-contrast; else srg.',
    ),
  class: z.string().optional().describe('The class that counts as positive, instead of the card’s `positive`.'),
  smallest: z
    .union([z.number().nonnegative(), z.record(z.string(), z.number().nonnegative())])
    .optional()
    .describe('Smallest effect of interest, in the metric’s units: one number, or one for each metric id. Default: 0.'),
  reference: z
    .string()
    .optional()
    .describe('Id of the explainer that all are tested against where there are more than ten. Default: the first.'),
  audit: z
    .number()
    .min(0)
    .max(0.8)
    .default(0.3)
    .describe(
      'With `audit: short` or `full`, on data with factors: the share of the patients that metrics are audited by, and explainers are not ranked by.',
    ),
  strata: z
    .array(z.string())
    .default(['outcome'])
    .describe('What the images are also looked at by: `outcome`, and columns of the data such as sex or site.'),
  least: z
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe('Share of the images that an explainer must have values for, to be ranked.'),
});

export const limitsSchema = z.strictObject({
  seconds: z.number().positive().default(600).describe('Seconds that one unit of work of a plug-in may take.'),
  memory: count.default(4096).describe('MiB that one unit of work of a plug-in may use.'),
});

/** A suite as it is written. Paths start from the suite's folder; `${NAME:-default}` takes from the environment. */
export const suiteSchema = z
  .strictObject({
    $schema: z.string().optional().describe('For editors.'),
    name: id.optional().describe('Default: the file’s name.'),
    description: z.string().optional(),
    models: z.array(model).min(1).describe('Model cards, by path or inline.'),
    data: z
      .looseObject({
        use: z.string().describe('A data reader.'),
        labels: labels.optional(),
        acquisitions: z
          .boolean()
          .optional()
          .describe(
            'Offer every slice also at another dose, kernel, window and spacing, for acquisition-stability. Default: false.',
          ),
      })
      .describe('The images: a reader, its options, and what its labels are called in the models.'),
    preset: preset.optional().describe('A preset for every explainer and metric that has one of this name.'),
    explainers: z.array(part).min(1).describe('The methods compared.'),
    controls: z
      .array(part)
      .default(['random', 'edges', 'centre', 'shuffled'])
      .describe('Reference lines: maps that know nothing of the model.'),
    metrics: z
      .union([z.string().describe('A set of metrics.'), z.array(part)])
      .describe('What maps are scored by: metrics, sets of metrics such as `recommended`, or both; [] only explains.'),
    baselines: z
      .union([z.literal('cross'), z.array(z.string().min(1)).min(2)])
      .optional()
      .describe(
        'Repeats every explainer and metric that uses a baseline for each of these, to see whether the order of the ' +
          'explainers depends on it; `cross`: one baseline of each family. The headline leaves out baselines that an ' +
          'explainer starts from.',
      ),
    audit: z
      .enum(['off', 'short', 'full'])
      .default('off')
      .describe(
        'Maps added to audit the metrics, on data with factors: the truth by intervention (oracle), mixed with a ' +
          'shuffled map once (short, at most 30 % more maps) or at three shares (full), and the truth about another ' +
          'model; full also blurs maps that know nothing. full also repeats the metrics of faithfulness, localisation and truth ' +
          'with other orders of ties, another seed, another baseline and half as many steps, on any data.',
      ),
    background: z
      .looseObject({ use: z.string().describe('A data reader.') })
      .optional()
      .describe('Images of training patients, for explainers and baselines that need them: a reader with its options.'),
    target: z
      .union([z.string(), z.array(z.string()).min(1)])
      .default('positive')
      .describe(
        'The class explained: `positive` (the model’s positive class), `predicted`, `label` (the image’s own), or the name ' +
          'of a class or finding. A list of names explains each of them, in rows and rankings of its own.',
      ),
    analysis: analysisSchema.prefault({}).describe('What the report decides by; declared before the run.'),
    explain: z
      .enum(['all', 'positives'])
      .default('all')
      .describe(
        'Images that are explained: all, or those whose label is the positive class. The others are predicted only.',
      ),
    precision: z
      .union([z.literal('exact'), z.number().positive().max(0.5)])
      .default(0.005)
      .describe(
        'Largest estimated error of the area under a curve, in probability or as a share of the range of other scores: ' +
          'each curve is scored at as many of its steps as that takes, each by itself where a value is the difference of ' +
          'two. `exact`: at all steps. Presets are exact, and a metric with an option `precision` of its own keeps it.',
      ),
    seed: z.union([z.int(), z.string()]).default(0).describe('Same suite and seed: same rows.'),
    limit: count.optional().describe('Images at most, spread evenly over the labels.'),
    timing: z
      .union([z.boolean(), timingSchema])
      .default(true)
      .describe('The timing phase after the run, alone on the machine.'),
    engine: z
      .union([z.string(), engineSchema])
      .default('auto')
      .describe('Where models run. What is left out is tuned and remembered.'),
    plugins: z.array(z.string().min(1)).default([]).describe('Modules: paths that start with "./", or packages.'),
    limits: limitsSchema.prefault({}).describe('What a plug-in may take; where it takes more, its row fails.'),
    output: outputSchema.prefault({}).describe('What is written.'),
  })
  .describe('A suite of ct-xai-bench.');

export type Suite = z.output<typeof suiteSchema>;
export type SuitePart = z.output<typeof part>;
export type SuiteModel = z.output<typeof model>;
