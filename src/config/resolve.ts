import { resolve } from 'node:path';
import { withAcquisitions } from '../core/acquisitions/acquisition-variants.ts';
import { parsingAsync } from '../core/boundary.ts';
import type { Dataset, ModelCard } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { lookUp, type Registry } from '../core/registry.ts';
import { withAuditControls } from './audit-controls.ts';
import { inlineCard, readCard } from './card.ts';
import { withCrossedBaselines } from './crossed-baselines.ts';
import { createDiscretion } from './discretion.ts';
import type { Env } from './env.ts';
import { hashedPatients, patientKey } from './hashed-patients.ts';
import { modelDigest } from './model-digest.ts';
import type { Plan, PlannedModel } from './plan.ts';
import { planDigest, planRecord } from './plan-record.ts';
import { loadPlugins } from './plugins.ts';
import { earlierAudits } from './recorded-audits.ts';
import { repetitionsOf } from './repetitions.ts';
import { resolveAnalysis, withPositive } from './resolve-analysis.ts';
import { cardsFor, leaveOut, resolveClasses, resolveTarget } from './resolve-labels.ts';
import { checkSuitePreset, resolveExplainers, resolveMetrics } from './resolve-parts.ts';
import { baselinesOf, resolveEngine, resolveTiming } from './resolve-settings.ts';
import { engineSchema, type Suite, type SuiteModel } from './schema.ts';
import { type LoadedSuite, nameOf, type Overrides, readSuite } from './suite.ts';
import { check, keysAt } from './validate.ts';
import { packageVersion } from './version.ts';

/**
 * Looks up every name in a suite, parses every option, reads cards and data, and takes digests.
 * @throws CtXaiError SUITE, CARD, MODEL, DATA, LABEL or PLUGIN; nothing has been run or written by then.
 */
export async function resolvePlan(loaded: LoadedSuite, builtIn: Registry, overrides: Overrides = {}): Promise<Plan> {
  const { place, folder, file } = loaded;
  const given = overridden(loaded.suite, overrides);
  const name = nameOf(loaded);
  const { registry, plugins } = await loadPlugins(given.plugins, folder, builtIn);
  // Before any file is opened: a wrong name is said at once.
  const named = [
    ...resolveExplainers(given, registry, place).map(e => e.explainer),
    ...resolveMetrics(given, registry, place).map(m => m.metric),
  ];
  checkSuitePreset(given, named, place);
  const byEntry = cardsFor(given.target, withPositive(await readCards(loaded), given, place));
  const cards = byEntry.flat();
  const entryOf = byEntry.flatMap((own, i) => own.map(() => given.models[i]!));
  const engine = resolveEngine(given, registry, place, cards);
  const opened = await openData(given.data, 'data', registry, loaded, overrides.data);
  const background = given.background && (await openData(given.background, 'background', registry, loaded));
  const suite = await withCrossedBaselines(given, { registry, cards, dataset: opened.dataset, place });
  const listed = resolveExplainers(suite, registry, place);
  const metrics = resolveMetrics(suite, registry, place);
  const labels = suite.data.labels ?? {};
  const all = await leaveOut(opened.dataset, labels);
  const hashed = suite.output.patients === 'hashed';
  const dataset = hashed ? hashedPatients(all, await patientKey(loaded.env)) : all;
  const audited = await withAuditControls(suite, dataset, listed.length);
  const explainers = audited === suite ? listed : resolveExplainers(audited, registry, place);
  const repetitions = repetitionsOf(suite, { explainers, metrics }, registry);
  const { target, classes } = resolveTarget(suite.target, dataset, cards);
  const models: PlannedModel[] = [];
  for (const [i, card] of cards.entries()) {
    const targetClass = classes[i];
    const digest = await modelDigest(card);
    const audits = await earlierAudits(card, digest, metrics);
    models.push({
      id: card.id,
      card,
      digest,
      ...resolveClasses(dataset, { ...labels, ...labelsOf(entryOf[i]!) }, card),
      ...(targetClass === undefined ? {} : { targetClass }),
      ...(Object.keys(audits).length > 0 ? { audits } : {}),
    });
  }
  const version = packageVersion();
  const dir = overrides.out ?? (suite.output.dir === undefined ? undefined : resolve(folder, suite.output.dir));
  const { dir: _, ...output } = suite.output;
  const plan = {
    name,
    ...(file === undefined ? {} : { file }),
    seed: suite.seed,
    version,
    models,
    dataset,
    labels,
    explainers,
    metrics,
    ...(repetitions.length > 0 ? { repetitions } : {}),
    baselines: baselinesOf([...explainers, ...metrics, ...repetitions], registry),
    target,
    analysis: resolveAnalysis(suite, { explainers, metrics, place, audited: audited !== suite }),
    explained: suite.explain,
    ...(background ? { background: background.dataset } : {}),
    ...(suite.limit === undefined ? {} : { limit: suite.limit }),
    timing: resolveTiming(suite),
    engine,
    output: { ...output, ...(dir === undefined ? {} : { dir }) },
    limits: suite.limits,
    registry,
  };
  const discretion = createDiscretion(folder, loaded.fromEnv);
  const record = planRecord(plan, { suite, dataOptions: opened.options, plugins });
  const recorded = { ...plan, discretion, suite: discretion.value(record) };
  return { ...recorded, digest: planDigest(plan, plugins) };
}

/** Reads a suite, loads its plugins and resolves it: all that a run or a check needs. */
export async function loadPlan(
  path: string,
  registry: Registry,
  options: { readonly env?: Env; readonly overrides?: Overrides } = {},
): Promise<Plan> {
  return resolvePlan(await readSuite(path, options.env), registry, options.overrides);
}

function overridden(suite: Suite, { limit, seed, device }: Overrides): Suite {
  const engine = typeof suite.engine === 'string' ? { use: suite.engine } : suite.engine;
  return {
    ...suite,
    ...(limit === undefined ? {} : { limit }),
    ...(seed === undefined ? {} : { seed }),
    engine: engineSchema.parse(device === undefined ? engine : { ...engine, device }),
  };
}

/** The cards of all models, with the ids that the suite gives them. */
async function readCards({ suite, folder, place }: LoadedSuite): Promise<ModelCard[]> {
  const cards: ModelCard[] = [];
  for (const [i, entry] of suite.models.entries()) {
    const card = await cardOf(entry, i, { folder, place });
    const other = cards.find(c => c.id === card.id);
    if (other) {
      throw new CtXaiError('SUITE', `${place(['models', i])}: two models have the id '${card.id}'.`, {
        hint: `They are ${other.origin} and ${card.origin}. Give one another id: { id: …, card: … }.`,
      });
    }
    const twin = cards.find(c => c.group !== undefined && c.group === card.group);
    if (twin && JSON.stringify(twin.classes) !== JSON.stringify(card.classes)) {
      throw new CtXaiError(
        'SUITE',
        `${place(['models', i])}: '${twin.id}' and '${card.id}' are of the group '${card.group}', and have other classes.`,
        {
          hint: 'Models of one group are trainings of one recipe that differ in their seed alone. Give them groups of their own.',
        },
      );
    }
    cards.push(card);
  }
  return cards;
}

async function cardOf(entry: SuiteModel, i: number, at: Pick<LoadedSuite, 'folder' | 'place'>): Promise<ModelCard> {
  if (typeof entry === 'string') return readCard(resolve(at.folder, entry));
  if ('card' in entry) {
    const card = await readCard(resolve(at.folder, entry.card));
    const { id = card.id, group = card.group } = entry;
    return { ...card, id, ...(group === undefined ? {} : { group }) };
  }
  const { labels: _, ...card } = entry;
  return inlineCard(card, { ...at, path: ['models', i] });
}

function labelsOf(entry: SuiteModel): Readonly<Record<string, string>> {
  return typeof entry === 'string' ? {} : (entry.labels ?? {});
}

async function openData(
  data: Suite['data'],
  key: 'data' | 'background',
  registry: Registry,
  { folder, place }: LoadedSuite,
  path?: string,
): Promise<{ dataset: Dataset; options: object }> {
  const { use, labels: _, acquisitions = false, ...given } = data;
  const reader = lookUp(registry.readers, 'data reader', use, `${place([key, 'use'])}: ${key}.use`);
  if (path !== undefined && !keysAt(reader.options, []).includes('path')) {
    throw new CtXaiError('USAGE', `the data reader '${use}' has no path that could be set.`);
  }
  const options = check<object>(
    reader.options,
    { ...given, ...(path === undefined ? {} : { path }) },
    { code: 'SUITE', place, path: [key] },
  );
  const dataset = await parsingAsync(
    { code: 'DATA', what: `${place([key])}: the data can't be read by '${use}'` },
    () => reader.open(options, { base: folder }),
  );
  // Other acquisitions are part of what was asked for: a plan that is sent elsewhere names them.
  return acquisitions
    ? { dataset: withAcquisitions(dataset), options: { ...options, acquisitions } }
    : { dataset, options };
}
