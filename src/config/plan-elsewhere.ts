import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CtXaiError, messageOf } from '../core/errors.ts';
import type { Registry } from '../core/registry.ts';
import { readCard } from './card.ts';
import { fileDigest, modelDigest } from './model-digest.ts';
import type { Plan } from './plan.ts';
import { resolvePlan } from './resolve.ts';
import { type Overrides, parseSuite } from './suite.ts';
import { packageVersion } from './version.ts';

/** A plan as another machine describes it. */
export interface PlanNotice {
  readonly version: string;
  readonly planDigest: string;
  readonly suite: Readonly<Record<string, unknown>>;
  /** The folder on that machine that the suite's paths start from. */
  readonly folder: string;
  readonly overrides: {
    readonly limit?: number | undefined;
    readonly seed?: number | string | undefined;
    readonly device?: string | undefined;
    readonly data?: string | undefined;
  };
  readonly models: readonly { readonly id: string; readonly digest: string }[];
  readonly data: string;
  readonly plugins: readonly { readonly name: string; readonly source: string; readonly digest: string }[];
}

/** Where things lie on this machine. */
export interface OwnPlaces {
  /** A folder with model cards, in which models are found by their digests; absent: where the suite says. */
  readonly models?: string;
  /** The folder of the images; absent: where the suite says. */
  readonly data?: string;
  /** Plug-in modules that may be loaded. No others are. */
  readonly plugins: readonly string[];
}

/**
 * Resolves another machine's plan on this one. It is the same plan, or refused: the digest covers the versions, models,
 * data, options and plug-ins.
 * @throws CtXaiError with what is other here, and what to do.
 */
export async function resolveElsewhere(notice: PlanNotice, own: OwnPlaces, registry: Registry): Promise<Plan> {
  const version = packageVersion();
  if (notice.version !== version) {
    throw new CtXaiError('QUEUE', `the run is of version ${notice.version} of ct-xai-bench, and this is ${version}.`, {
      hint: 'Install the same version on all machines.',
    });
  }
  const suite = { ...notice.suite };
  suite.plugins = await allowedPlugins(notice, own.plugins);
  if (own.models !== undefined) suite.models = await ownModels(notice, own.models);
  const { limit, seed, device } = notice.overrides;
  const data = own.data === undefined ? notice.overrides.data : resolve(own.data);
  const overrides: Overrides = {
    ...(limit === undefined ? {} : { limit }),
    ...(seed === undefined ? {} : { seed }),
    ...(device === undefined ? {} : { device }),
    ...(data === undefined ? {} : { data }),
  };
  // No environment: what another machine wrote must not read ours.
  const plan = await resolvePlan(parseSuite(suite, notice.folder, {}), registry, overrides);
  checkSame(plan, notice);
  return plan;
}

function checkSame(plan: Plan, notice: PlanNotice): void {
  for (const { id, digest } of notice.models) {
    const here = plan.models.find(model => model.id === id)?.digest;
    if (here === digest) continue;
    const is = here === undefined ? 'none' : here.slice(0, 12);
    throw new CtXaiError('QUEUE', `the model '${id}' has the digest ${digest.slice(0, 12)} there and ${is} here.`, {
      hint: 'The weights or the card are others. Name the folder of the right ones with --models.',
    });
  }
  if (plan.dataset.digest !== notice.data) {
    throw new CtXaiError(
      'QUEUE',
      `the data '${plan.dataset.name}' has the digest ${notice.data.slice(0, 12)} there and ` +
        `${plan.dataset.digest.slice(0, 12)} here.`,
      { hint: 'Name the folder of the same images with --data.' },
    );
  }
  if (plan.digest !== notice.planDigest) {
    throw new CtXaiError('QUEUE', 'the plan is another one here: something that it is made of is not the same.', {
      hint: 'Look at background data, labels and files that options name.',
    });
  }
}

/** The allowed modules whose content is that of the suite's plug-ins. @throws CtXaiError PLUGIN where one is missing. */
async function allowedPlugins({ plugins }: PlanNotice, allowed: readonly string[]): Promise<string[]> {
  if (plugins.length === 0) return [];
  const files = new Map<string, string>();
  for (const file of allowed) files.set(await fileDigest(resolve(file)), resolve(file));
  return plugins.map(({ name, source, digest }) => {
    const file = files.get(digest);
    if (file !== undefined) return file;
    throw new CtXaiError('PLUGIN', `the run needs the plug-in '${name}' (${source}), which is not allowed here.`, {
      hint: 'Allow it with --allow-plugin FILE if you trust it; its content must be the same as there.',
    });
  });
}

/** The suite's models, each with the card in `folder` that has its digest. */
async function ownModels({ suite, models }: PlanNotice, folder: string): Promise<unknown[]> {
  const found = await cardsByDigest(folder);
  return (suite.models as readonly unknown[]).map((entry, i) => {
    const { id, digest } = models[i] ?? { id: `${i}`, digest: '' };
    const card = found.get(digest);
    if (card === undefined) {
      throw new CtXaiError(
        'QUEUE',
        `there is no model with the digest ${digest.slice(0, 12)} ('${id}') in ${folder}.`,
        {
          hint: 'Copy its folder, with model.yaml, there.',
        },
      );
    }
    const labels = typeof entry === 'object' ? (entry as { readonly labels?: unknown }).labels : undefined;
    return { id, card, ...(labels === undefined ? {} : { labels }) };
  });
}

async function cardsByDigest(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let entries: Awaited<ReturnType<typeof readEntries>>;
  try {
    entries = await readEntries(resolve(folder));
  } catch (cause) {
    throw new CtXaiError('USAGE', `the folder of models ${folder} can't be read: ${messageOf(cause)}`, { cause });
  }
  for (const entry of entries) {
    if (!entry.isFile() || entry.name !== 'model.yaml') continue;
    const path = join(entry.parentPath, entry.name);
    // A card of another model may be faulty; that is no matter here.
    const digest = await readCard(path)
      .then(modelDigest)
      .catch(() => undefined);
    if (digest !== undefined) found.set(digest, path);
  }
  return found;
}

function readEntries(folder: string) {
  return readdir(folder, { recursive: true, withFileTypes: true });
}
