import type { Dataset, ModelCard, Sample } from '../core/contracts/index.ts';
import { CtXaiError, nearest } from '../core/errors.ts';
import { positiveClass } from '../core/positive-class.ts';
import type { PlannedTarget } from './plan.ts';

/** From the data's labels to class names; null: left out. */
export type Labels = Readonly<Record<string, string | null>>;

/**
 * What the suite calls a label of the data; undefined where it says nothing of it. YAML reads the key 0.0 as 0, and
 * tables written by programs have 0.0 for 0: numbers that are equal are the same label.
 */
export function labelNamed(labels: Labels, label: string): string | null | undefined {
  if (Object.hasOwn(labels, label)) return labels[label]!;
  if (!isNumber(label)) return undefined;
  const equal = Object.keys(labels).find(key => isNumber(key) && Number(key) === Number(label));
  return equal === undefined ? undefined : labels[equal]!;
}

function isNumber(text: string): boolean {
  return /^[-+]?\d+(\.\d*)?$/.test(text);
}

/**
 * The class index of each label that is not left out.
 * @throws CtXaiError LABEL listing both sides if a label is not, or does not lead to, one of the model's classes.
 */
export function resolveClasses(dataset: Dataset, labels: Labels, card: ModelCard): Map<string, number> {
  const classOf = new Map<string, number>();
  for (const label of dataset.labels) {
    const named = labelNamed(labels, label);
    const name = named === undefined ? label : named;
    if (name === null) continue;
    const index = card.classes.indexOf(name);
    if (index < 0) {
      const via = name === label ? '' : ` (mapped to '${name}')`;
      const near = nearest(name, card.classes);
      throw new CtXaiError('LABEL', `the data's label '${label}'${via} is not a class of the model '${card.id}'.`, {
        hint:
          `${near ? `Did you mean '${near}'? ` : ''}Labels: ${dataset.labels.join(', ')}. ` +
          `Classes: ${card.classes.join(', ')}. Say in the suite's data which class each label is: ` +
          `labels: { ${dataset.labels.map(l => `'${l}': …`).join(', ')} }; null leaves a label out.`,
      });
    }
    classOf.set(label, index);
  }
  return classOf;
}

/** @throws CtXaiError LABEL if the target is not a class of the model, or is a label that the data does not have. */
export function resolveTarget(
  target: string,
  dataset: Dataset,
  cards: readonly ModelCard[],
): { readonly target: PlannedTarget; readonly classes: readonly (number | undefined)[] } {
  const none = cards.map(() => undefined);
  if (target === 'positive') return { target: { kind: 'positive' }, classes: cards.map(positiveClass) };
  if (target === 'predicted') return { target: { kind: 'predicted' }, classes: none };
  if (target === 'label') {
    if (dataset.labels.length === 0) {
      throw new CtXaiError('LABEL', "target: 'label' needs labels, and this data has none.", {
        hint: "Use 'positive', 'predicted' or the name of a class.",
      });
    }
    return { target: { kind: 'label' }, classes: none };
  }
  const classes = cards.map(card => {
    const index = card.classes.indexOf(target);
    if (index >= 0) return index;
    const near = nearest(target, ['positive', 'predicted', 'label', ...card.classes]);
    throw new CtXaiError('LABEL', `target: '${target}' is not a class of the model '${card.id}'.`, {
      hint: `${near ? `Did you mean '${near}'? ` : ''}Allowed: positive, predicted, label, ${card.classes.join(', ')}.`,
    });
  });
  return { target: { kind: 'class', name: target }, classes };
}

/** The dataset without the images whose label is mapped to null. @throws CtXaiError DATA if none is left. */
export async function leaveOut(dataset: Dataset, labels: Labels): Promise<Dataset> {
  const out = dataset.labels.filter(label => labelNamed(labels, label) === null);
  const keeps = (sample: Sample): boolean => sample.label === undefined || !out.includes(sample.label);
  let count = dataset.count;
  if (out.length > 0) {
    count = 0;
    for await (const sample of dataset.samples()) if (keeps(sample)) count++;
  }
  if (count === 0) {
    const why = out.length > 0 ? ` once the labels ${out.join(', ')} are left out` : '';
    throw new CtXaiError('DATA', `the data '${dataset.name}' has no images${why}.`);
  }
  if (out.length === 0) return dataset;
  return {
    ...dataset,
    labels: dataset.labels.filter(label => !out.includes(label)),
    count,
    async *samples() {
      for await (const sample of dataset.samples()) if (keeps(sample)) yield sample;
    },
  };
}
