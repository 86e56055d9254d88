import { encodeByReference } from '../graph/by-reference.ts';
import type { Feed, SessionSettings } from './onnx-messages.ts';
import type { OnnxPool } from './onnx-pool.ts';
import type { Prepared } from './program-sessions.ts';
import type { Program } from './programs.ts';
import { measuringSettings } from './session-options.ts';
import { feeds } from './tune.ts';

/** Rounding moves scores by some 1e-6 of the largest; a wrong rewrite by much more. */
const TOLERANCE = 1e-3;
/** Kernels for integers and the floats that they stand for fall on different steps of the quantised network now and then. */
const QUANTISED = 0.1;

/** An image, and its scores as ONNX Runtime gives them by the graph as it stands. */
export interface KnownScores {
  image(): Feed;
  readonly scores: Float32Array;
}

/**
 * Whether a session gives the scores that ONNX Runtime gives when it runs the graph as it stands. Its optimiser is
 * large, and has had rewrites that were not exact.
 * @param known absent: the graph is run as it stands
 */
export async function verified(
  pool: OnnxPool,
  program: Program,
  prepared: Prepared,
  base: Omit<SessionSettings, 'threads' | 'optimise'>,
  known?: KnownScores,
): Promise<boolean> {
  const output = program.graph.outputs[0]!.name;
  const scores = async (session: string) => {
    const fed = known ? [known.image()] : feeds(program, 1);
    return (await pool.run(session, fed, 1)).outputs[output]!;
  };
  const asItStands = async () => {
    const plain = `${prepared.session} as it stands`;
    await pool.open(plain, encodeByReference(program.graph), { ...measuringSettings(), ...base }, 1);
    try {
      return await scores(plain);
    } finally {
      await pool.drop(plain);
    }
  };
  const [a, b] = [await scores(prepared.session), known?.scores ?? (await asItStands())];
  const scale = b.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3);
  const quantised = program.graph.nodes.some(n => n.op === 'QuantizeLinear');
  const tolerance = (quantised ? QUANTISED : TOLERANCE) * scale;
  // Written so that a NaN on one side only is a difference.
  return b.every((v, i) => Object.is(v, a[i]) || Math.abs(v - a[i]!) <= tolerance);
}
