import { availableParallelism } from 'node:os';
import { encodeByReference } from '../graph/by-reference.ts';
import type { SessionSettings } from './onnx-messages.ts';
import type { OnnxPool } from './onnx-pool.ts';
import type { Prepared } from './program-sessions.ts';
import type { Program } from './programs.ts';
import { feeds } from './tune.ts';

/** Rounding moves scores by some 1e-6 of the largest; a wrong rewrite by much more. */
const TOLERANCE = 1e-3;
/** Kernels for integers and the floats that they stand for fall on different steps of the quantised network now and then. */
const QUANTISED = 0.1;

/**
 * Whether a session gives the scores that ONNX Runtime gives when it runs the graph as it stands. Its optimiser is
 * large, and has had rewrites that were not exact.
 */
export async function verified(
  pool: OnnxPool,
  program: Program,
  prepared: Prepared,
  base: Omit<SessionSettings, 'threads' | 'optimise'>,
): Promise<boolean> {
  const plain = `${prepared.session} as it stands`;
  const output = program.graph.outputs[0]!.name;
  const images = () => feeds(program, 2);
  const threads = Math.min(4, availableParallelism());
  await pool.open(plain, encodeByReference(program.graph), { ...base, threads, optimise: false }, 1);
  const [got, want] = await Promise.all([pool.run(prepared.session, images(), 1), pool.run(plain, images(), 1)]);
  await pool.drop(plain);
  const [a, b] = [got.outputs[output]!, want.outputs[output]!];
  const scale = b.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3);
  const quantised = program.graph.nodes.some(n => n.op === 'QuantizeLinear');
  const tolerance = (quantised ? QUANTISED : TOLERANCE) * scale;
  // Written so that a NaN on one side only is a difference.
  return b.every((v, i) => Object.is(v, a[i]) || Math.abs(v - a[i]!) <= tolerance);
}
