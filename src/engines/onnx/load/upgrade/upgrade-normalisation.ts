import { attr, constant, type Node, read } from '../../graph/graph.ts';
import { type UpgradeRules, type Upgrading, without } from './upgrading.ts';

const EXPORT_HINT = 'Export the model for inference (PyTorch: model.eval(); training=TrainingMode.EVAL).';

/** One that normalises by its own batch passes: on weights, which weight standardisation does so, it is a constant. */
function batchNormalization(node: Node, u: Upgrading): void {
  if (read.int(node, 'training_mode', 0) !== 0) {
    u.builder.push(node);
    return;
  }
  if (read.int(node, 'spatial', 1) === 0) {
    perPixel(node, u);
    return;
  }
  const attrs = without(node, 'spatial', 'is_test', 'momentum', 'training_mode', 'consumed_inputs');
  u.builder.push({ ...node, outputs: node.outputs.slice(0, 1), attrs });
}

/** Opset 7 and 8 with `spatial` = 0: γ(x − μ)/√(σ² + ε) + β with parameters of the image's own shape. */
function perPixel(node: Node, u: Upgrading): void {
  const b = u.builder;
  const [x, gamma, beta, mean, variance] = node.inputs as readonly [string, string, string, string, string];
  const root = b.op('Sqrt', [b.op('Add', [variance, b.scalar(read.float(node, 'epsilon', 1e-5))])]);
  const hat = b.op('Div', [b.op('Sub', [x, mean]), root]);
  u.finish(node, 'Add', [b.op('Mul', [hat, gamma]), beta]);
}

function dropout(node: Node, u: Upgrading): void {
  const training = u.stored(node.inputs[2]);
  if (training && Number(training.data[0]) !== 0)
    u.fail(node, 'it drops values at random (training_mode).', EXPORT_HINT);
  if (node.inputs[2] && !training) {
    // Decided while it runs: what it does is measured.
    u.builder.push(node);
    return;
  }
  if (u.used.has(node.outputs[1] ?? '')) u.fail(node, 'its mask is used, which only training needs.', EXPORT_HINT);
  u.finish(node, 'Identity', node.inputs.slice(0, 1));
}

/** Groups become instances, then scale and bias: one per group in opset 18, one per channel from 21 on. */
function groupNormalization(node: Node, u: Upgrading): void {
  const b = u.builder;
  const [x, scale, bias] = node.inputs as readonly [string, string, string];
  const groups = read.int(node, 'num_groups', 1);
  const perGroup = u.from < 21;
  const ones = b.constant(constant.float([groups], new Float32Array(groups).fill(1)));
  const zeros = b.constant(constant.float([groups], new Float32Array(groups)));
  const grouped = b.op('Reshape', [x, b.ints([0, groups, -1])]);
  const epsilon = attr.float(read.float(node, 'epsilon', 1e-5));
  let y = b.op('InstanceNormalization', [grouped, ones, zeros], { epsilon });
  if (!perGroup) {
    const channels = b.op('Shape', [scale]);
    y = b.op('Reshape', [y, b.op('Concat', [b.ints([0]), channels, b.ints([-1])], { axis: attr.int(0) })]);
  }
  const column = (v: string) => b.op('Unsqueeze', [v, b.ints([1])]);
  y = b.op('Add', [b.op('Mul', [y, column(scale)]), column(bias)]);
  u.finish(node, 'Reshape', [y, b.op('Shape', [x])]);
}

/** x / √(mean(x²) + ε) · scale over the dimensions from `axis` on (opset 23). */
function rmsNormalization(node: Node, u: Upgrading): void {
  const b = u.builder;
  const [x, scale] = node.inputs as readonly [string, string];
  const axis = read.int(node, 'axis', -1);
  const one = b.constant(constant.int64([], [1]));
  // Counted from the front, the last of them depends on the rank, which is folded to a constant later.
  const axes =
    axis < 0
      ? b.ints(Array.from({ length: -axis }, (_, i) => axis + i))
      : b.op('Range', [b.constant(constant.int64([], [axis])), b.op('Size', [b.op('Shape', [x])]), one]);
  const mean = b.op('ReduceMean', [b.op('Mul', [x, x]), axes], { keepdims: attr.int(1) });
  const root = b.op('Sqrt', [b.op('Add', [mean, b.scalar(read.float(node, 'epsilon', 1e-5))])]);
  u.finish(node, 'Mul', [b.op('Div', [x, root]), scale]);
}

export const normalisationRules: UpgradeRules = {
  BatchNormalization: batchNormalization,
  Dropout: dropout,
  GroupNormalization: groupNormalization,
  RMSNormalization: rmsNormalization,
};
