import type { Node } from '../../graph/graph.ts';
import type { Rule } from '../rule.ts';
import { affineGrid } from './affine-grid.ts';
import * as arithmetic from './arithmetic.ts';
import { averagePool } from './average-pool.ts';
import { batchNormalization } from './batch-normalization.ts';
import { centerCropPad } from './center-crop-pad.ts';
import { clip } from './clip.ts';
import { col2Im } from './col2im.ts';
import { concat, split } from './concat.ts';
import { conv, convTranspose } from './conv.ts';
import { deformConv } from './deform-conv.ts';
import { depthToSpace, spaceToDepth } from './depth-to-space.ts';
import { dft } from './dft.ts';
import { einsum } from './einsum.ts';
import { elementary, rounding, sign } from './elementary.ts';
import { celu, elu, selu } from './elu.ts';
import { expand, tile } from './expand.ts';
import { extremum } from './extremum.ts';
import { compress, gather, gatherElements, gatherNd, topK } from './gather.ts';
import { erf, gelu } from './gelu.ts';
import { gemm } from './gemm.ts';
import { globalAveragePool, globalMaxPool } from './global-pool.ts';
import { gridSample } from './grid-sample.ts';
import { cast, identity } from './identity.ts';
import { globalLpPool, lpPool } from './lp-pool.ts';
import { lrn } from './lrn.ts';
import { matmul } from './matmul.ts';
import { maxPool } from './max-pool.ts';
import { maxUnpool } from './max-unpool.ts';
import { normalizations } from './normalization.ts';
import { pad } from './pad.ts';
import { pow } from './pow.ts';
import { dequantizeLinear, quantizeLinear } from './quantise.ts';
import { reductions } from './reduce.ts';
import * as relus from './relu.ts';
import { reshape } from './reshape.ts';
import { resize } from './resize.ts';
import { roiAlign } from './roi-align.ts';
import { scatterElements, scatterNd } from './scatter.ts';
import { hardSigmoid, hardSwish, sigmoid } from './sigmoid.ts';
import { slice } from './slice.ts';
import { logSoftmax, softmax } from './softmax.ts';
import { mish, softplus, softsign } from './softplus.ts';
import { transpose } from './transpose.ts';
import { cumSum, trilu } from './triangle.ts';
import { where } from './where.ts';

/** Every differentiation rule there is. */
export const RULES: readonly Rule[] = [
  affineGrid,
  ...Object.values(arithmetic),
  averagePool,
  batchNormalization,
  cast,
  celu,
  centerCropPad,
  clip,
  col2Im,
  compress,
  concat,
  conv,
  convTranspose,
  cumSum,
  deformConv,
  depthToSpace,
  dequantizeLinear,
  dft,
  einsum,
  ...elementary,
  elu,
  erf,
  expand,
  extremum,
  gather,
  gatherElements,
  gatherNd,
  gelu,
  gemm,
  globalAveragePool,
  globalLpPool,
  globalMaxPool,
  gridSample,
  hardSigmoid,
  hardSwish,
  identity,
  logSoftmax,
  lpPool,
  lrn,
  matmul,
  maxPool,
  maxUnpool,
  mish,
  ...normalizations,
  pad,
  pow,
  quantizeLinear,
  ...reductions,
  ...Object.values(relus),
  reshape,
  resize,
  roiAlign,
  rounding,
  scatterElements,
  scatterNd,
  selu,
  sigmoid,
  sign,
  slice,
  softmax,
  softplus,
  softsign,
  spaceToDepth,
  split,
  tile,
  topK,
  transpose,
  trilu,
  where,
];

const BY_OPERATOR: ReadonlyMap<string, Rule> = new Map(
  RULES.flatMap(rule => rule.operators.map(operator => [operator, rule] as const)),
);

/** The rule of a node's operator. */
export function ruleOf(node: Node): Rule | undefined {
  const domain = node.domain === '' || node.domain === 'ai.onnx' ? '' : `${node.domain}:`;
  return BY_OPERATOR.get(`${domain}${node.op}`);
}
