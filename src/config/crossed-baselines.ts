import type { Baseline, Dataset, ModelCard } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { lookUp, type Registry } from '../core/registry.ts';
import { NO_LESION } from '../core/truth/variants.ts';
import type { Suite, SuitePart } from './schema.ts';
import type { CheckContext } from './validate.ts';

/** One baseline a family, for models of Hounsfield units and of grey levels. */
const PANEL = {
  HU: ['air', 'tissue-matched', 'blur', 'contralateral', 'inpaint'],
  grey: ['window-mean', 'blur', 'contralateral', 'inpaint'],
} as const;
/** Offered by data that show the same patient without the lesion. */
const TRUTH = 'counterfactual';

interface Given {
  readonly registry: Registry;
  readonly cards: readonly ModelCard[];
  readonly dataset: Dataset;
  readonly place: CheckContext['place'];
}

/**
 * The suite with every explainer and every metric that uses a baseline repeated for each baseline of the panel, under
 * the names `explainer(baseline)` and `metric(baseline)`. Explainers start from images alone: fillers need a region, and
 * the truth would tell them the answer. So some metrics' baselines are no explainer's; the headline is taken from these,
 * since an explainer is favoured by a metric that removes with the baseline that it started from. Parts that name a
 * baseline of their own, or a preset, stay as they are.
 * @throws CtXaiError SUITE for an unknown baseline, or where no baseline is left that the headline can be taken from
 */
export async function withCrossedBaselines(suite: Suite, given: Given): Promise<Suite> {
  if (suite.baselines === undefined) return suite;
  const { registry, place } = given;
  const names = suite.baselines === 'cross' ? await panelOf(given) : [...new Set(suite.baselines)];
  const at = `${place(['baselines'])}: baselines`;
  const all = names.map(name => lookUp(registry.baselines, 'baseline', name, at));
  const starts = all.filter(isStart).map(b => b.name);
  const explainers = suite.explainers.flatMap(part => {
    const crosses = takesBaseline(registry.explainers.get(nameOf(part))) && isPlain(part);
    return crosses && starts.length > 0 ? starts.map(baseline => withBaseline(part, baseline)) : [part];
  });
  const crossed = new Map<string, string[]>();
  const metrics = [suite.metrics].flat().flatMap(part => {
    if (!(takesBaseline(registry.metrics.get(nameOf(part))) && isPlain(part))) return [part];
    const parts = names.map(baseline => withBaseline(part, baseline));
    crossed.set(idOf(part), names);
    return parts;
  });
  if (crossed.size === 0) {
    throw new CtXaiError('SUITE', `${at}: no metric of the suite has a baseline that could be crossed.`, {
      hint: 'List metrics such as deletion, insertion or srg without a baseline of their own.',
    });
  }
  const fair = names.filter(name => !starts.includes(name));
  return { ...suite, explainers, metrics, analysis: analysisOf(suite, crossed, fair, at) };
}

/** Ids that the analysis names, as they are called now; primary metrics keep the baselines that favour no explainer. */
function analysisOf(
  { analysis }: Suite,
  crossed: ReadonlyMap<string, readonly string[]>,
  fair: readonly string[],
  at: string,
): Suite['analysis'] {
  const { primary, smallest } = analysis;
  const renamed = [primary ?? []].flat().flatMap(id => (crossed.has(id) ? fair.map(name => `${id}(${name})`) : [id]));
  if (primary !== undefined && renamed.length === 0) {
    throw new CtXaiError('SUITE', `${at}: each of them is one that explainers start from, so none is fair to all.`, {
      hint: `Add 'inpaint', a filler, or on a phantom '${TRUTH}': the headline is taken from these.`,
    });
  }
  const effects =
    typeof smallest === 'object'
      ? Object.fromEntries(
          Object.entries(smallest).flatMap(([id, value]) =>
            (crossed.get(id)?.map(name => `${id}(${name})`) ?? [id]).map(key => [key, value]),
          ),
        )
      : smallest;
  return {
    ...analysis,
    ...(primary === undefined ? {} : { primary: renamed }),
    ...(effects === undefined ? {} : { smallest: effects }),
  };
}

async function panelOf({ cards, dataset, registry }: Given): Promise<string[]> {
  const unit = cards.every(card => card.intensity.unit === 'HU') ? 'HU' : 'grey';
  const truth = (await offersTruth(dataset)) ? [TRUTH] : [];
  return [...truth, ...PANEL[unit]].filter(name => registry.baselines.has(name));
}

async function offersTruth(dataset: Dataset): Promise<boolean> {
  for await (const { variants } of dataset.samples()) if (variants?.includes(NO_LESION)) return true;
  return false;
}

function isStart({ fill, family }: Baseline): boolean {
  return fill === undefined && family !== 'truth';
}

function takesBaseline(part: { readonly baseline?: string } | undefined): boolean {
  return part?.baseline !== undefined;
}

/** Whether a part leaves its baseline open. */
function isPlain(part: SuitePart): boolean {
  return typeof part === 'string' || (part.baseline === undefined && part.preset === undefined);
}

function nameOf(part: SuitePart): string {
  return typeof part === 'string' ? part : part.use;
}

function idOf(part: SuitePart): string {
  return typeof part === 'string' ? part : (part.id ?? part.use);
}

function withBaseline(part: SuitePart, baseline: string): SuitePart {
  const whole = typeof part === 'string' ? { use: part } : part;
  return { ...whole, id: `${idOf(part)}(${baseline})`, baseline };
}
