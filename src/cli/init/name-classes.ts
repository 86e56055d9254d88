import { CtXaiError } from '../../core/errors.ts';

/** Names for a model's classes, and what the data's labels are called among them. */
export interface NamedClasses {
  readonly classes: readonly string[];
  /** The class that counts as positive, where that is not the second. */
  readonly positive?: string;
  /** From labels to classes; empty where they have the same names. */
  readonly labels: Readonly<Record<string, string | null>>;
  /** What a user has to check, in sentences. */
  readonly doubts: readonly string[];
}

const NEGATIVE = /^(no|non|not|neg|normal|healthy|control|benign|absent|without|0|false)([^a-z]|$|n?covid|negative)/i;

/**
 * A model with one output is taken for a regression where a single name is given for it, or where the labels are numbers
 * and more than two; undefined: it is taken for a classifier.
 */
export function nameValue(
  { units, tail }: { readonly units: number; readonly tail: string | undefined },
  labels: readonly string[],
  given: readonly string[] | undefined,
): NamedClasses | undefined {
  const words = labels.filter(label => label.trim() === '' || !Number.isFinite(Number(label)));
  const numbers = labels.length > 2 && words.length === 0;
  if (units !== 1 || (given ? given.length !== 1 : !numbers || tail === 'Sigmoid')) return undefined;
  const why = given
    ? 'One name was given for the one output: the model is taken for a regression.'
    : `One output, and ${labels.length} labels that are numbers: the model is taken for a regression, and the labels for the values that it should give.`;
  const name = given ? [] : ["What the value is stands in no file: name it in 'classes'."];
  return {
    classes: given ?? ['value'],
    labels: Object.fromEntries(words.map(label => [label, null])),
    doubts: [why, ...name, "Its unit stands in no file: write 'measure: ml' or the like."],
  };
}

/** Classes of a model that no data of its own are there for, and the phantom's labels as if they were such. */
export function numberClasses(units: number, labels: readonly string[]): NamedClasses {
  const { classes, labels: map } = mapped(labels, numbered(units));
  return { classes, labels: map, doubts: ['No data were given, so the classes have no names yet.'] };
}

/**
 * Classes of a model with so many outputs (one stands for two classes), from the data's labels or from given names.
 * @throws CtXaiError USAGE if other than so many names are given
 */
export function nameClasses(
  units: number,
  labels: readonly string[],
  given: readonly string[] | undefined,
): NamedClasses {
  const count = units === 1 ? 2 : units;
  if (given !== undefined && given.length !== count) {
    const outputs = units === 1 ? 'one output, which stands for 2 classes' : `${units} outputs`;
    throw new CtXaiError('USAGE', `--classes has ${given.length} names; the model has ${outputs}.`);
  }
  const sorted = [...labels].sort(byNumberOrName);
  if (given !== undefined) return { ...mapped(sorted, given), ...positiveOf(given) };
  if (sorted.length === count) {
    const order =
      'The order of the classes is that of the labels’ names, as torchvision and Keras sort folders. Nothing in the ' +
      'model says whether it was trained so.';
    return { classes: sorted, labels: {}, doubts: [order], ...positiveOf(sorted) };
  }
  const unnamed = numbered(units);
  if (sorted.length === 0) {
    return { classes: unnamed, labels: {}, doubts: ['The data have no labels, so the classes have no names yet.'] };
  }
  const what = `The data have ${sorted.length} labels (${sorted.join(', ')}), the model ${count} classes`;
  if (sorted.length < count) {
    const classes = [...sorted, ...unnamed.slice(sorted.length)];
    return {
      classes,
      labels: {},
      doubts: [`${what}: which output is which label is a guess.`],
      ...positiveOf(classes),
    };
  }
  const { labels: map } = mapped(sorted, unnamed);
  const out = sorted.filter(label => map[label] === null);
  return {
    classes: unnamed,
    labels: map,
    doubts: [`${what}: which label is which output is a guess, and ${out.join(', ')} was left out.`],
  };
}

function numbered(units: number): string[] {
  return Array.from({ length: Math.max(2, units) }, (_, i) => `class-${i}`);
}

/** Numbers by their value, names by their letters. */
function byNumberOrName(a: string, b: string): number {
  const difference = Number(a) - Number(b);
  return Number.isNaN(difference) || difference === 0 ? (a < b ? -1 : 1) : difference;
}

/** Labels by their names where they are classes, the others in order; those without a class are left out. */
function mapped(labels: readonly string[], classes: readonly string[]): NamedClasses {
  const free = classes.filter(name => !labels.includes(name));
  const others = labels.filter(label => !classes.includes(label));
  const map = Object.fromEntries(others.map((label, i) => [label, free[i] ?? null]));
  const doubts = others.length > 0 ? ['Which label is which class was taken from their order.'] : [];
  return { classes, labels: map, doubts };
}

function positiveOf(classes: readonly string[]): Pick<NamedClasses, 'positive'> {
  const [first, second] = classes;
  if (classes.length !== 2 || !NEGATIVE.test(second!) || NEGATIVE.test(first!)) return {};
  return { positive: first! };
}
