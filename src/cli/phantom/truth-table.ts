import { readCard } from '../../config/card.ts';
import { modelDigest } from '../../config/model-digest.ts';
import type { PlannedModel } from '../../config/plan.ts';
import type { Dataset, ModelCard } from '../../core/contracts/index.ts';
import { CtXaiError, nearest } from '../../core/errors.ts';
import type { Registry } from '../../core/registry.ts';
import type { PairCell } from '../../data/pairs/write-pairs.ts';
import type { ModelRef } from '../../jobs/job.ts';
import { createLocalServices } from '../../jobs/local-services.ts';
import { openModel } from '../../jobs/open-model.ts';
import { cardPath } from '../shared/named-parts.ts';
import { note } from '../shared/output.ts';
import { chanceLine } from '../shared/progress-line.ts';

const HEADER = ['model', 'sample', 'class', 'factor', 'role', 'effect', 'threshold', 'interaction', 'local'] as const;

/**
 * The effect of every factor on the log-odds of a class (exact Shapley values over all subsets), as runs take it for
 * the truth. Factors whose regions overlap are one, named `a+b`; `local` says
 * whether maps are scored on it.
 * @param name the class; default: each card's positive one
 */
export async function truthOf(
  models: readonly string[],
  name: string | undefined,
  dataset: Dataset,
  registry: Registry,
  signal: AbortSignal,
): Promise<readonly (readonly PairCell[])[]> {
  const lines: PairCell[][] = [[...HEADER]];
  for (const path of models) {
    const card = await readCard(cardPath(path));
    const model: PlannedModel = { id: card.id, card, digest: await modelDigest(card), classOf: new Map() };
    const ref: ModelRef = { id: model.id, digest: model.digest, variant: { kind: 'original' } };
    const target = targetOf(card, name);
    const classifier = await openModel({ engine: { use: 'auto', device: 'cpu' }, registry }, model, { signal });
    const services = createLocalServices({
      plan: { models: [model], dataset, registry, baselines: new Map(), seed: 0 },
      signal,
      onChance: id => note(chanceLine(id)),
    });
    try {
      services.use(ref, work => work(classifier));
      let index = 0;
      for await (const sample of dataset.samples()) {
        signal.throwIfAborted();
        services.begin(sample, index++);
        const job = {
          kind: 'predict',
          model: ref,
          sample: { id: sample.id, data: dataset.digest },
          target: { kind: 'class', name: card.classes[target]! },
          seed: 0,
          needs: [],
        } as const;
        const found = await services.effects?.(job, { class: target });
        for (const { name: factor, role, effect, region } of found?.factors ?? []) {
          lines.push([
            ...[model.id, sample.id, card.classes[target]!, factor, role],
            ...[effect, found!.threshold, found!.interaction, region ? 'yes' : 'no'],
          ]);
        }
        services.end(sample);
      }
    } finally {
      await services.close();
      await classifier.close();
    }
  }
  return lines;
}

function targetOf({ classes, positive }: ModelCard, name = positive ?? classes[1] ?? classes[0]!): number {
  const found = classes.indexOf(name);
  if (found >= 0) return found;
  const near = nearest(name, classes);
  throw new CtXaiError('LABEL', `--class: the model has no class '${name}'.`, {
    hint: `${near ? `Did you mean '${near}'? ` : ''}Classes: ${classes.join(', ')}.`,
  });
}
