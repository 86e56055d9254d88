import { encodeByReference } from '../graph/by-reference.ts';
import { pruned } from '../graph/walk.ts';
import type { SessionSource } from '../session/session-options.ts';
import { readModelFile } from './file.ts';
import { type LoadedModel, withInnerOutput } from './load-model.ts';
import { inFloat32 } from './precision.ts';

/** A model's file as ONNX Runtime reads it. */
export interface Untouched {
  /** The names of image and scores in the file. */
  readonly input: string;
  readonly output: string;
  /** Whether its images are rows of values. */
  readonly flattens: boolean;
  /**
   * Ways to open it, best first: the file itself, unless it has inputs that the scores do not depend on; then, read when
   * it is asked for, the same graph in its own opset with float32 throughout and nothing but the path from image to scores.
   */
  sources(): Iterable<SessionSource>;
}

export function untouched(
  file: string,
  { input, fileOutput: output, unused, flattens }: Pick<LoadedModel, 'input' | 'fileOutput' | 'unused' | 'flattens'>,
): Untouched {
  return {
    input,
    output,
    flattens,
    *sources() {
      if (unused.length === 0) yield file;
      const graph = withInnerOutput(readModelFile(file), output);
      const inputs = graph.inputs.filter(i => i.name === input);
      const outputs = graph.outputs.filter(o => o.name === output);
      yield encodeByReference(inFloat32(pruned({ ...graph, inputs, outputs }, [output])));
    },
  };
}
