import type { Dataset, ModelCard, Sample } from '../core/contracts/index.ts';
import { CtXaiError, nearest } from '../core/errors.ts';
import { absenceOf } from '../core/findings.ts';
import { positiveClass } from '../core/positive-class.ts';
import type { PlannedModel, PlannedTarget } from './plan.ts';

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
export function resolveClasses(
  dataset: Dataset,
  labels: Labels,
  card: ModelCard,
): Pick<PlannedModel, 'classOf' | 'absences'> {
  const [classOf, absences] = [new Map<string, number>(), new Map<string, number>()];
  const multi = card.task === 'multi-label';
  checkFindings(dataset, card);
  if (card.task === 'regression') {
    checkValues(dataset, labels, card);
    return { classOf };
  }
  for (const label of dataset.labels) {
    const named = labelNamed(labels, label);
    const name = named === undefined ? label : named;
    if (name === null) continue;
    const index = card.classes.indexOf(name);
    const absent = multi ? card.classes.findIndex(finding => absenceOf(finding) === name) : -1;
    if (index >= 0) classOf.set(label, index);
    else if (absent >= 0) absences.set(label, absent);
    else {
      const via = name === label ? '' : ` (mapped to '${name}')`;
      const near = nearest(name, card.classes);
      throw new CtXaiError('LABEL', `the data's label '${label}'${via} is not a class of the model '${card.id}'.`, {
        hint:
          `${near ? `Did you mean '${near}'? ` : ''}Labels: ${dataset.labels.join(', ')}. ` +
          `Classes: ${card.classes.join(', ')}. Say in the suite's data which class each label is: ` +
          `labels: { ${dataset.labels.map(l => `'${l}': …`).join(', ')} }; null leaves a label out.` +
          (multi ? ` '${absenceOf(card.classes[0]!)}' says that a finding is not there.` : ''),
      });
    }
  }
  return { classOf, ...(multi ? { absences } : {}) };
}

/** @throws CtXaiError LABEL where a label of a regression is no number. */
function checkValues(dataset: Dataset, labels: Labels, card: ModelCard): void {
  const renamed = dataset.labels.find(label => ![null, undefined, label].includes(labelNamed(labels, label)));
  if (renamed !== undefined) {
    throw new CtXaiError('LABEL', `data.labels: '${renamed}' is renamed, and '${card.id}' is a regression.`, {
      hint: 'Labels of a regression are the values that it should give, and are taken as they are; null leaves one out.',
    });
  }
  const wrong = dataset.labels.find(
    label => labelNamed(labels, label) !== null && !(label.trim() !== '' && Number.isFinite(Number(label))),
  );
  if (wrong === undefined) return;
  throw new CtXaiError('LABEL', `the data's label '${wrong}' is not a number, and '${card.id}' is a regression.`, {
    hint:
      'Labels of a regression are the values that it should give. Name the column that has them, or leave such images ' +
      `out: labels: { '${wrong}': null }.`,
  });
}

/** @throws CtXaiError LABEL where the data have columns of findings that the model does not have. */
function checkFindings({ findings = [] }: Dataset, card: ModelCard): void {
  if (findings.length === 0) return;
  if (card.task !== 'multi-label') {
    throw new CtXaiError(
      'LABEL',
      `the data name findings (${findings.join(', ')}), and the model '${card.id}' has none.`,
      {
        hint: "Findings are for cards with 'task: multi-label'. Give this model's data a column of labels instead.",
      },
    );
  }
  const strange = findings.find(name => !card.classes.includes(name));
  if (strange === undefined) return;
  const near = nearest(strange, card.classes);
  throw new CtXaiError('LABEL', `data.findings: '${strange}' is not a finding of the model '${card.id}'.`, {
    hint:
      `${near ? `Did you mean '${near}'? ` : ''}It has: ${card.classes.join(', ')}. ` +
      `Where a column is called otherwise: findings: { Finding: column }.`,
  });
}

/**
 * Cards as a target makes them: of findings that do not exclude each other the one that is explained is the positive
 * one, and several targets are several models, each with its own.
 * @throws CtXaiError LABEL for a class that a model does not have, and where findings are to be explained and none is named
 */
export function cardsFor(
  target: string | readonly string[],
  cards: readonly ModelCard[],
): readonly (readonly ModelCard[])[] {
  const names = [target].flat();
  const double = names.find((name, i) => names.indexOf(name) !== i);
  if (double !== undefined) throw new CtXaiError('LABEL', `target: '${double}' stands twice.`);
  return cards.map(card => {
    if (names.length > 1) {
      // Trainings of one recipe are compared for each target by itself.
      const group = (name: string) => (card.group === undefined ? {} : { group: `${card.group}: ${name}` });
      return names.map(name => ({
        ...card,
        ...group(name),
        id: `${card.id}: ${name}`,
        positive: classNamed(name, card, []),
      }));
    }
    if (card.task !== 'multi-label' && card.task !== 'regression') return [card];
    const [name = 'positive'] = names;
    if (name === 'positive' && (card.positive !== undefined || card.classes.length === 1)) return [card];
    if (card.task === 'regression' && ['positive', 'predicted', 'label'].includes(name)) {
      throw new CtXaiError('LABEL', `target: '${name}' names no value of the regression '${card.id}'.`, {
        hint:
          `Name the value that is to be explained, or several: target: [${card.classes.slice(0, 2).join(', ')}]; or set ` +
          `'positive' in the card. It has: ${card.classes.join(', ')}.`,
      });
    }
    if (['positive', 'predicted', 'label'].includes(name)) {
      throw new CtXaiError('LABEL', `target: '${name}' names no finding of the model '${card.id}'.`, {
        hint:
          'Its findings do not exclude each other, so that none is the class of an image. Name one, or several: ' +
          `target: [${card.classes.slice(0, 2).join(', ')}]; or set 'positive' in the card. It has: ${card.classes.join(', ')}.`,
      });
    }
    return [{ ...card, positive: classNamed(name, card, []) }];
  });
}

function classNamed(name: string, card: ModelCard, others: readonly string[]): string {
  if (card.classes.includes(name)) return name;
  const near = nearest(name, [...others, ...card.classes]);
  throw new CtXaiError('LABEL', `target: '${name}' is not a class of the model '${card.id}'.`, {
    hint: `${near ? `Did you mean '${near}'? ` : ''}Allowed: ${[...others, ...card.classes].join(', ')}.`,
  });
}

/** @throws CtXaiError LABEL if the target is not a class of the model, or is a label that the data does not have. */
export function resolveTarget(
  target: string | readonly string[],
  dataset: Dataset,
  cards: readonly ModelCard[],
): { readonly target: PlannedTarget; readonly classes: readonly (number | undefined)[] } {
  const none = cards.map(() => undefined);
  if (typeof target !== 'string' && target.length === 1) return resolveTarget(target[0]!, dataset, cards);
  if (typeof target !== 'string') return resolveTarget('positive', dataset, cards);
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
  const classes = cards.map(card => card.classes.indexOf(classNamed(target, card, ['positive', 'predicted', 'label'])));
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
