import { createRng } from '../dist/core/rng.js';
import { constant, DType, GraphBuilder } from '../dist/engines/onnx/graph/graph.js';

/** What benches write networks with: speed does not depend on weights, so these are random. */
export function randomNetwork(seed) {
  const rng = createRng(seed);
  const b = new GraphBuilder({ opset: 17, taken: ['image'] });
  const random = (dims, scale, centre = 0) => {
    const data = new Float32Array(dims.reduce((p, d) => p * d, 1));
    for (let i = 0; i < data.length; i++) data[i] = centre + scale * rng.normal();
    return b.constant(constant.float(dims, data));
  };
  /** Pools features of so many channels into logits, and ends the graph. */
  const classified = (x, width, { size, channels, classes }) => {
    const pooled = b.op('Flatten', [b.op('GlobalAveragePool', [x])]);
    const logits = b.op('Gemm', [pooled, random([width, classes], 0.05), random([classes], 0.05)]);
    return {
      opset: 17,
      nodes: b.nodes,
      constants: b.constants,
      inputs: [{ name: 'image', dtype: DType.float, dims: [null, channels, size, size] }],
      outputs: [{ name: logits, dtype: DType.float, dims: [null, classes] }],
    };
  };
  return { b, random, classified };
}
