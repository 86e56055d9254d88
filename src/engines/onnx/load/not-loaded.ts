import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { type FaultyGraph, plainFault } from '../../shared/plain-fault.ts';
import type { Graph } from '../graph/graph.ts';
import { fileNodeOf } from '../graph/sound.ts';
import { createSession } from '../session/session-options.ts';

/** What a message of ONNX Runtime about a graph can be said with. */
export function faultyGraph(graph: Graph): FaultyGraph {
  return {
    fileNode: inner => fileNodeOf(graph, inner),
    nodeOf: op => graph.nodes.find(node => node.op === op)?.name,
  };
}

/** A graph that ONNX Runtime does not load: whether the file is at fault, or what this program made of it. */
export async function notLoaded(graph: Graph, file: string, cause: unknown): Promise<CtXaiError> {
  const why = plainFault(messageOf(cause), faultyGraph(graph));
  if (/Invalid dimension: -\d+/.test(messageOf(cause))) {
    const dims = graph.inputs[0]!.dims.map(d => d ?? '?').join(', ');
    return new CtXaiError('MODEL', `${file}: it does not run on images of [${dims}]: ${why}`, {
      hint: "Their size may not be that of its training: 'input' in the card says it.",
      cause,
    });
  }
  if (/\.onnx$/i.test(file) && (await loads(file))) {
    return new CtXaiError(
      'MODEL',
      `${file}: ONNX Runtime loads it as it is, but not as ct-xai-bench prepares it: ${why}`,
      {
        hint: 'This is a limit of ct-xai-bench. Another opset or exporter may help; please report the file.',
        cause,
      },
    );
  }
  return new CtXaiError('MODEL', `${file}: ONNX Runtime can't load it: ${why}`, {
    hint: "The file itself is at fault: export the network again. Python's onnxruntime.InferenceSession(path) says the same.",
    cause,
  });
}

/** Whether ONNX Runtime loads a file as it is. */
async function loads(file: string): Promise<boolean> {
  try {
    const session = await createSession(file, { logSeverityLevel: 4 });
    await session.release();
    return true;
  } catch {
    return false;
  }
}
