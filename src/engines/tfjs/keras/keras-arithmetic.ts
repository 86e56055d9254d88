import type { KerasReference } from './keras-json.ts';

/** What an operation takes: a layer's output, or a number. */
export type KerasOperand = KerasReference | number;

/** An operation on tensors as a layer that does the same. */
export interface LayerInPlace {
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inputs: readonly KerasReference[];
}

const ADD = 'add';
const SUBTRACT = 'subtract';
const MULTIPLY = 'multiply';
const DIVIDE = 'divide';

/** Keras 3's operations by class, and Keras 2's (`TFOpLambda`) by function. */
const OPERATIONS: Readonly<Record<string, string>> = {
  Add: ADD,
  Subtract: SUBTRACT,
  Multiply: MULTIPLY,
  TrueDivide: DIVIDE,
  Divide: DIVIDE,
  '__operators__.add': ADD,
  'math.add': ADD,
  'math.subtract': SUBTRACT,
  'math.multiply': MULTIPLY,
  'math.truediv': DIVIDE,
  'math.divide': DIVIDE,
};

const ACTIVATIONS: Readonly<Record<string, string>> = {
  Relu: 'relu',
  Relu6: 'relu6',
  Sigmoid: 'sigmoid',
  Silu: 'swish',
  Tanh: 'tanh',
  'nn.relu': 'relu',
  'nn.relu6': 'relu6',
  'nn.silu': 'swish',
  'nn.swish': 'swish',
  'math.sigmoid': 'sigmoid',
  'math.tanh': 'tanh',
};

/** Whether an operation is one of those that activations stand for. */
export const isActivationName = (name: string): boolean => name in ACTIVATIONS;

export const isOperationName = (name: string): boolean => name in OPERATIONS || isActivationName(name);

const isNumber = (operand: KerasOperand | undefined): operand is number => typeof operand === 'number';

/**
 * Arithmetic between layers, `x / 127.5 - 1` or `x + y`, as layers: Rescaling, Add, Multiply, Activation.
 * @returns undefined where there is no layer for it
 */
export function arithmeticAsLayer(
  name: string,
  operation: string,
  operands: readonly KerasOperand[],
): LayerInPlace | undefined {
  const [first, second, ...more] = operands;
  if (first === undefined || more.length > 0) return undefined;
  const inputs = operands.filter((operand): operand is KerasReference => !isNumber(operand));
  const activation = ACTIVATIONS[operation];
  if (activation !== undefined && inputs.length === 1 && second === undefined) {
    return { class_name: 'Activation', config: { name, activation }, inputs };
  }
  const arithmetic = OPERATIONS[operation];
  if (arithmetic === undefined || second === undefined) return undefined;
  if (inputs.length === 2) {
    const class_name = { [ADD]: 'Add', [MULTIPLY]: 'Multiply' }[arithmetic];
    return class_name === undefined ? undefined : { class_name, config: { name }, inputs };
  }
  if (inputs.length !== 1) return undefined;
  const scaled = isNumber(second) ? rightOf(arithmetic, second) : leftOf(arithmetic, first as number);
  return scaled && { class_name: 'Rescaling', config: { name, ...scaled }, inputs };
}

interface Scaled {
  readonly scale: number;
  readonly offset: number;
}

/** x ∘ n as x · scale + offset. */
function rightOf(arithmetic: string, n: number): Scaled | undefined {
  if (arithmetic === ADD) return { scale: 1, offset: n };
  if (arithmetic === SUBTRACT) return { scale: 1, offset: -n };
  if (arithmetic === MULTIPLY) return { scale: n, offset: 0 };
  return n === 0 ? undefined : { scale: 1 / n, offset: 0 };
}

/** n ∘ x as x · scale + offset. */
function leftOf(arithmetic: string, n: number): Scaled | undefined {
  if (arithmetic === SUBTRACT) return { scale: -1, offset: n };
  return arithmetic === DIVIDE ? undefined : rightOf(arithmetic, n);
}
