import { attr, constant, type Node, read } from '../../graph/graph.ts';
import type { UpgradeRules, Upgrading } from './upgrading.ts';

/**
 * Upsample 7 (scales as attribute), Upsample 9 and Resize 10 (as input): all take coordinates asymmetrically. `nearest`
 * rounds down along axes that grow and up along those that shrink, which are two Resize nodes of a later opset.
 */
function asymmetric(node: Node, u: Upgrading): void {
  const list = read.floats(node, 'scales');
  const scales = list ? u.builder.constant(constant.float([list.length], list)) : node.inputs[1]!;
  const known = list ?? (u.stored(scales)?.data as Float32Array | undefined);
  const nearest = read.string(node, 'mode', 'nearest') === 'nearest';
  const attrs = (rounding: string) => ({
    mode: attr.string(nearest ? 'nearest' : 'linear'),
    coordinate_transformation_mode: attr.string('asymmetric'),
    nearest_mode: attr.string(rounding),
  });
  const x = node.inputs[0]!;
  const [grows, shrinks] = [known?.some(s => s > 1) ?? true, known?.some(s => s < 1) ?? true];
  if (!nearest || !(grows && shrinks)) {
    u.replace(node, { op: 'Resize', inputs: [x, '', scales], attrs: attrs(nearest && shrinks ? 'ceil' : 'floor') });
    return;
  }
  const one = u.builder.scalar(1);
  const grown = u.builder.op('Resize', [x, '', u.builder.op('Max', [scales, one])], attrs('floor'));
  u.replace(node, { op: 'Resize', inputs: [grown, '', u.builder.op('Min', [scales, one])], attrs: attrs('ceil') });
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

/** Roundings of a place c + ½, as roundings of c. */
const HALF_LATER: Readonly<Record<string, string>> = { floor: 'round_prefer_ceil', round_prefer_floor: 'ceil' };

/** Removed with opset 13: (i + 0.5) / scale, rounded; that is half_pixel's (…) − 0.5, rounded otherwise. */
function halfPixelForNearest(node: Node, u: Upgrading): Node['attrs'] {
  const rounding = HALF_LATER[read.string(node, 'nearest_mode', 'round_prefer_floor')];
  if (read.string(node, 'mode', 'nearest') !== 'nearest' || rounding === undefined) {
    const known = Object.keys(HALF_LATER).join(' or ');
    u.fail(node, `coordinate_transformation_mode 'tf_half_pixel_for_nn' is supported for nearest with ${known} only.`);
  }
  const mode = attr.string('half_pixel');
  return { ...node.attrs, coordinate_transformation_mode: mode, nearest_mode: attr.string(rounding) };
}

export const resizeRules: UpgradeRules = {
  Upsample: asymmetric,
  Resize: (node, u) => (u.from < 11 ? asymmetric(node, u) : resize(node, u)),
};
