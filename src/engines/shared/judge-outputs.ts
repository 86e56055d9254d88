import type { ModelCard } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';

/** What a card says of the numbers that a file puts out. */
export interface OutputClaim extends Pick<ModelCard, 'task' | 'emits' | 'explainAt'> {
  /** How messages call the model. */
  readonly file: string;
  /** The operator at the file's end, where that is a softmax, log-softmax or sigmoid. */
  readonly tail?: string | undefined;
}

export interface Judgement {
  /** What the outputs look like, with their range and sums. */
  readonly emits: string;
  /** What a reader should doubt. */
  readonly warnings: readonly string[];
  /** To be doubted too, where outputs stay within 0…1 even on images far outside what the network expects. */
  readonly ifBounded?: string;
}

/** Rounding of a softmax in half precision. */
const SUM_TOLERANCE = 5e-3;
const RANGE_TOLERANCE = 1e-4;

/**
 * Whether what a model puts out on a few images can be what its card says.
 * @param outputs the file's own outputs, [units] for each image
 * @throws CtXaiError CARD where the card cannot be true; it says what to write.
 */
export function judgeOutputs(outputs: readonly Float32Array[], claim: OutputClaim): Judgement {
  const seen = look(outputs);
  const warnings: string[] = [];
  if (!seen.finite) {
    warnings.push('It puts out NaN or infinite values on test images.');
    return { emits: 'values that are not finite', warnings };
  }
  if (seen.constant) warnings.push('It gives the same scores for all test images, as a network whose units are dead.');
  const emits = described(seen);
  if (claim.task === 'regression') return { emits, warnings };
  const bounded = claim.emits === 'probabilities' && claim.tail !== 'LogSoftmax';
  if (bounded) mustBeProbabilities(seen, claim, emits);
  else if (claim.tail === undefined) return { emits, warnings, ...mayBeProbabilities(seen, claim, emits) };
  return { emits, warnings };
}

/** Whether what goes into the softmax or sigmoid at a model's end are probabilities already. */
export function judgeBeforeTail(
  outputs: readonly Float32Array[],
  tail: string,
): Pick<Judgement, 'warnings' | 'ifBounded'> {
  const seen = look(outputs);
  if (!seen.finite || seen.constant || !within(seen, 0, 1)) return { warnings: [] };
  const advice =
    "and they are explained as if they were logits. Name the tensor with the logits in the card, 'output: …'.";
  const what = `What goes into the ${tail} at its end`;
  if (sumsTo(seen, 1)) {
    const warning = `${what} are probabilities already (${described(seen)}), as of a network with two such operators, ${advice}`;
    return { warnings: [warning] };
  }
  return {
    warnings: [],
    ifBounded:
      `${what} lies between 0 and 1 on all test images (${described(seen)}). If the network has two such operators, ` +
      `these are probabilities already, ${advice}`,
  };
}

/** Whether all outputs lie within 0…1; those that are not finite are left out. */
export function staysBounded(outputs: readonly Float32Array[]): boolean {
  return outputs.every(row =>
    row.every(v => !Number.isFinite(v) || (v >= -RANGE_TOLERANCE && v <= 1 + RANGE_TOLERANCE)),
  );
}

interface Seen {
  readonly units: number;
  readonly low: number;
  readonly high: number;
  readonly sums: readonly [number, number];
  readonly finite: boolean;
  /** Whether the values are −log p of probabilities that sum to 1. */
  readonly negated: boolean;
  readonly constant: boolean;
}

function look(outputs: readonly Float32Array[]): Seen {
  const all = outputs.flatMap(row => [...row]);
  const sums = outputs.map(row => row.reduce((a, b) => a + b, 0));
  const scale = Math.max(1e-12, ...all.map(Math.abs));
  return {
    units: outputs[0]!.length,
    low: Math.min(...all),
    high: Math.max(...all),
    sums: [Math.min(...sums), Math.max(...sums)],
    finite: all.every(Number.isFinite),
    negated:
      outputs[0]!.length > 1 &&
      outputs.every(row => Math.abs(row.reduce((sum, v) => sum + Math.exp(-v), 0) - 1) <= SUM_TOLERANCE),
    constant:
      outputs.length > 1 && outputs.every(row => row.every((v, k) => Math.abs(v - outputs[0]![k]!) <= 1e-6 * scale)),
  };
}

const within = ({ low, high }: Seen, a: number, b: number) => {
  return low >= a - RANGE_TOLERANCE * (b - a) && high <= b + RANGE_TOLERANCE * (b - a);
};

const sumsTo = ({ units, sums }: Seen, total: number) => {
  return units > 1 && sums.every(s => Math.abs(s - total) <= SUM_TOLERANCE * total);
};

const shown = (v: number) => String(Number(v.toPrecision(4)));

function described(seen: Seen): string {
  const range = `values from ${shown(seen.low)} to ${shown(seen.high)}`;
  if (seen.units === 1) return range;
  const [a, b] = seen.sums.map(shown) as [string, string];
  return `${range}, with sums of ${a === b ? a : `${a} to ${b}`} per image`;
}

/** A refusal of the card: what it says, what was seen, and what to write instead. */
function contradicted({ file, emits, task }: OutputClaim, seen: string, hint: string): never {
  throw new CtXaiError(
    'CARD',
    `${file}: the card says task '${task}' and emits '${emits}', but on test images the file puts out ${seen}.`,
    { hint },
  );
}

const PERCENT_HINT =
  "These are percentages. Name the tensor before the multiplication in the card, 'output: …', or export the network " +
  'without it.';

function mustBeProbabilities(seen: Seen, claim: OutputClaim, emits: string): void {
  if (!within(seen, 0, 1)) {
    const percent = within(seen, 0, 100) && (seen.units === 1 ? seen.high > 1.5 : sumsTo(seen, 100));
    const at = claim.explainAt === 'output' ? " and leave out 'explainAt'" : '';
    contradicted(claim, emits, percent ? PERCENT_HINT : `If these are logits, write 'emits: logits'${at}.`);
  }
  if (claim.task !== 'softmax' || sumsTo(seen, 1)) return;
  contradicted(
    claim,
    emits,
    "Probabilities of classes that exclude each other sum to 1. If these are findings that don't, write " +
      "'task: multi-label'.",
  );
}

function mayBeProbabilities(seen: Seen, claim: OutputClaim, emits: string): Pick<Judgement, 'ifBounded'> {
  // Dead units may give any numbers; votes, and probabilities that are certain, are the same for many images too.
  if (seen.constant && !(sumsTo(seen, 1) && within(seen, 0, 1))) return {};
  if (claim.task !== 'multi-label') {
    if (seen.negated) {
      contradicted(
        claim,
        emits,
        'These are negative log-probabilities: the greatest stands for the least likely class. Name the tensor before ' +
          "the sign is changed in the card, 'output: …', or export the network without it.",
      );
    }
    if (sumsTo(seen, 100) && within(seen, 0, 100)) contradicted(claim, emits, PERCENT_HINT);
    if (sumsTo(seen, 1) && within(seen, 0, 1)) {
      contradicted(
        claim,
        emits,
        "These are probabilities, as an ensemble's mean of softmaxes. Write 'emits: probabilities' and " +
          "'explainAt: output'.",
      );
    }
  }
  if (!within(seen, 0, 1)) return {};
  return {
    ifBounded:
      `The card says that it emits logits, but on test images all outputs lie between 0 and 1 (${emits}). If they are ` +
      "probabilities, write 'emits: probabilities' and 'explainAt: output' in the card.",
  };
}

/** What a softmax, log-softmax or sigmoid that was cut off would make of one image's logits. */
export function behindTail(logits: Float32Array, tail: string | undefined): Float32Array {
  if (tail === 'Sigmoid') return logits.map(z => 1 / (1 + Math.exp(-z)));
  if (tail !== 'Softmax' && tail !== 'LogSoftmax') return logits;
  const top = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = logits.reduce((sum, z) => sum + Math.exp(z - top), 0);
  return logits.map(z => (tail === 'Softmax' ? Math.exp(z - top) / total : z - top - Math.log(total)));
}
