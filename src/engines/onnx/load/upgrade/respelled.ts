import { attr, constant, type Node, read } from '../../graph/graph.ts';
import { before, type UpgradeRules, type Upgrading, without } from './upgrading.ts';

/** Operators of which a later version spells the same thing otherwise, or means another thing by saying nothing. */

const MODES: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic', nearest: 'nearest' };

/** Opset 20 renamed the modes. */
function gridSample(node: Node, u: Upgrading): void {
  const mode = read.string(node, 'mode', 'bilinear');
  u.replace(node, { attrs: { ...node.attrs, mode: attr.string(MODES[mode] ?? mode) } });
}

/** Opset 16 shifted the regions by half a pixel, unless told not to. */
function roiAlign(node: Node, u: Upgrading): void {
  u.replace(node, { attrs: { ...node.attrs, coordinate_transformation_mode: attr.string('output_half_pixel') } });
}

/** Opset 20 made the axis an input, and the last but one its default instead of 1. */
function dft(node: Node, u: Upgrading): void {
  const axis = u.builder.constant(constant.int64([], [read.int(node, 'axis', 1)]));
  const [x, length = ''] = node.inputs as readonly [string, string?];
  u.replace(node, { inputs: [x, length, axis], attrs: without(node, 'axis') });
}

/** Opset 8 scanned batches of sequences, with lengths; from 9 on a Scan is another operator. */
function scan(node: Node, u: Upgrading): void {
  u.fail(node, 'Scan of opset 8 is not supported.', 'Export with opset 18.');
}

export const respelledRules: UpgradeRules = {
  GridSample: before(20, gridSample),
  RoiAlign: before(16, roiAlign),
  DFT: before(20, dft),
  Scan: before(9, scan),
};
