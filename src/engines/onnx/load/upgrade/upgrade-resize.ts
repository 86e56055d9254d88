import { attr, constant, type Node, read } from '../../graph/graph.ts';
import type { UpgradeRules, Upgrading } from './upgrading.ts';

/** Upsample 7 (scales as attribute), Upsample 9 and Resize 10 (as input): all take coordinates asymmetrically. */
function asymmetric(node: Node, u: Upgrading): void {
  const list = read.floats(node, 'scales');
  const scales = list ? u.builder.constant(constant.float([list.length], list)) : node.inputs[1]!;
  u.replace(node, {
    op: 'Resize',
    inputs: [node.inputs[0]!, '', scales],
    attrs: {
      mode: attr.string(read.string(node, 'mode', 'nearest') === 'nearest' ? 'nearest' : 'linear'),
      coordinate_transformation_mode: attr.string('asymmetric'),
      nearest_mode: attr.string('floor'),
    },
  });
}

function resize(node: Node, u: Upgrading): void {
  const mode = read.string(node, 'coordinate_transformation_mode', 'half_pixel');
  // The region matters to one mode only; elsewhere old files carry an empty tensor.
  const roi = mode === 'tf_crop_and_resize' ? (node.inputs[1] ?? '') : '';
  const [x, , scales = '', sizes = ''] = node.inputs as readonly [string, string?, string?, string?];
  // Opset 11 wrote an empty `scales` beside `sizes`.
  const inputs = sizes === '' ? [x, roi, scales] : [x, roi, '', sizes];
  u.replace(node, { inputs, attrs: mode === 'tf_half_pixel_for_nn' ? halfPixelForNearest(node, u) : node.attrs });
}

/** Removed with opset 13: (i + 0.5) / scale, rounded down; that is half_pixel's (…) − 0.5, rounded half up. */
function halfPixelForNearest(node: Node, u: Upgrading): Node['attrs'] {
  if (read.string(node, 'mode', 'nearest') !== 'nearest') {
    u.fail(node, "coordinate_transformation_mode 'tf_half_pixel_for_nn' is supported for nearest only.");
  }
  const mode = attr.string('half_pixel');
  return { ...node.attrs, coordinate_transformation_mode: mode, nearest_mode: attr.string('round_prefer_ceil') };
}

export const resizeRules: UpgradeRules = {
  Upsample: asymmetric,
  Resize: (node, u) => (u.from < 11 ? asymmetric(node, u) : resize(node, u)),
};
