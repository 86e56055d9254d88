import { plainShapes } from './shape-faults.ts';

/** A fault that a runtime names: at which node, of which operator, and why. */
interface Fault {
  readonly node?: string | undefined;
  readonly op: string;
  readonly why: string;
}

/** The ways in which ONNX Runtime names a node. */
const WAYS: readonly (readonly [RegExp, (found: readonly string[]) => Fault])[] = [
  [/Node ?\((.*?)\) Op \((\w+)\) (?:\[\w+\] )?(.*)/s, ([node, op, why]) => ({ node, op: op!, why: why! })],
  [
    /In Node, \("(.*?)", (\w+), ".*?", -?\d+\) : .*?, Error (.*)/s,
    ([node, op, why]) => ({ node, op: op!, why: unregistered(why!) }),
  ],
  [
    /running (\w+) node\. Name:'(.*?)' Status Message: (.*)/s,
    ([op, node, why]) => ({ node, op: op!, why: withoutPlace(why!) }),
  ],
  [
    /Could not find an implementation for (\w+)\(\d+\) node with name '(.*?)'/s,
    ([op, node]) => ({ node, op: op!, why: 'ONNX Runtime can’t compute it for the type of its tensors' }),
  ],
  [
    /Type Error: Type '(?:tensor\()?(.*?)\)?' of input parameter \((.*?)\) of operator \((\w+)\) in node \((.*?)\)/s,
    ([type, input, op, node]) => ({ node, op: op!, why: `it takes no ${type}, which its input '${input}' is` }),
  ],
  [
    /Type parameter \(\w+\) of Optype \((\w+)\) bound to different types \(tensor\((\w+)\) and tensor\((\w+)\) in node \((.*?)\)/s,
    ([op, a, b, node]) => ({ node, op: op!, why: `its inputs are of two types, ${a} and ${b}` }),
  ],
  [
    /Fatal error: ([\w.]*):(\w+)\(-?\d+\) is not a registered function/s,
    ([domain, op]) => ({
      op: op!,
      why: `ONNX Runtime has no such operator${domain === '' ? '' : ` in the domain '${domain}'`}`,
    }),
  ],
];

/** What the place in a source file says that is put before a reason. */
function withoutPlace(why: string): string {
  const place = /^\S+\.(?:cc|h):\d+ /s;
  if (!place.test(why)) return why;
  const checked = why.lastIndexOf(' was false. ');
  if (checked >= 0) return why.slice(checked + ' was false. '.length);
  return why.replace(place, '').replace(/^\S+ (?=[A-Z])/, '');
}

function unregistered(why: string): string {
  return why.replace(/^No Op registered for (\w+) with domain_version of \d+/, 'there is no operator $1 in ONNX');
}

/** What is known of the graph that a message is about. */
export interface FaultyGraph {
  /** The node of the file that a node of the program's stands for; undefined where none is known. */
  fileNode(inner: string): string | undefined;
  /** The first node of an operator. */
  nodeOf(op: string): string | undefined;
}

/**
 * A message of ONNX Runtime in plain words: the node, its operator and the reason, without places in source files and
 * without the names of what this program adds to a graph.
 */
export function plainFault(message: string, graph?: FaultyGraph): string {
  const text = message.trim().replace(/\s*\n\s*/g, ' ');
  for (const [way, faultOf] of WAYS) {
    const found = way.exec(text);
    if (!found) continue;
    const { node: told, op, why } = faultOf(found.slice(1));
    const node = told ?? graph?.nodeOf(op);
    return `${atNode(node, op, graph)}: ${plainNames(plainShapes(why)).replace(/\.$/, '')}.`;
  }
  const plain = withoutPlace(
    text.replace(/^(?:Exception during initialization: |This is an invalid model\. (?:Error: )?)+/, ''),
  );
  return `${plainNames(plainShapes(plain)).replace(/\.$/, '')}.`;
}

function atNode(node: string | undefined, op: string, graph: FaultyGraph | undefined): string {
  if (node === undefined) return `operator ${op}`;
  if (!INNER.test(node)) return `node '${node}' (${op})`;
  const of = graph?.fileNode(node);
  return of === undefined
    ? 'what ct-xai-bench added to the network, such as its gradient'
    : `an operator ${op} that ct-xai-bench wrote for node '${of}'`;
}

const INNER = /ctxai\//;

/** Tensors and nodes that the program named. */
function plainNames(text: string): string {
  return text.replace(/\(?'?"?[\w/]*ctxai\/[^\s'",:;()]+'?"?\)?/g, 'a tensor that ct-xai-bench added');
}
