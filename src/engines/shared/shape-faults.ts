type Said = (found: readonly string[]) => string;

const times = (dims: string) =>
  dims
    .split(/[,x]/)
    .map(d => d.trim())
    .join(' × ');
const axes = (dims: string) =>
  `[${dims
    .split(',')
    .map(d => d.trim())
    .join(', ')}]`;

/** What ONNX Runtime says where tensors do not fit each other, and the same in plain words. */
const FAULTS: readonly (readonly [RegExp, Said])[] = [
  [
    /Input channels C is not equal to kernel channels \* group\. C: (\d+) kernel channels: (\d+) group: (\d+)/,
    ([c, kernel, group]) => `its weights are made for ${Number(kernel) * Number(group)} channels, and it is given ${c}`,
  ],
  [
    /X num_dims does not match W num_dims\. X: \{(.*?)\} W: \{(.*?)\}/,
    ([x, w]) => `it is given a tensor of ${axes(x!)}, which has another number of axes than its weights, ${axes(w!)}`,
  ],
  [
    /cannot be reshaped to the requested shape\. Input shape:\{(.*?)\}, requested shape:\{(.*?)\}/,
    ([from, to]) => `a tensor of ${times(from!)} values can't be arranged as ${axes(to!)}`,
  ],
  [
    /Non concat axis dimensions must match: Axis (-?\d+) has mismatched dimensions of (\d+) and (\d+)/,
    ([axis, a, b]) =>
      `the tensors that it joins have ${a} and ${b} values along axis ${axis}, and must have the same number`,
  ],
  [
    /Can't merge shape info\. Both inferred and declared dimension have values but they differ\. Inferred=(\d+) Declared=(\d+) Dimension=(\d+)/,
    ([a, b, axis]) =>
      `along axis ${axis} there are ${b} values in one place and ${a} in another, and they must be the same`,
  ],
  [
    /Dimension mismatch in unification between (\d+) and (\d+)/,
    ([a, b]) => `two sizes that must be the same are ${a} and ${b}`,
  ],
  [
    /(?:GEMM|Gemm): Dimension mismatch, W: \{(.*?)\} K: (\d+)/,
    ([w, k]) => `its weights are ${axes(w!)}, and it is given ${k} features`,
  ],
  [
    /Attempting to broadcast an axis by a dimension other than 1\. (\d+) by (\d+)/,
    ([a, b]) => `its inputs have ${a} and ${b} values along the same axis, and must have the same number`,
  ],
  [
    /(?:left|right) operand cannot broadcast on dim (\d+) LeftShape: \{(.*?)\}, RightShape: \{(.*?)\}/,
    ([, a, b]) => `tensors of ${axes(a!)} and ${axes(b!)} can't be multiplied as matrices`,
  ],
  [
    /^Incompatible dimensions for matrix multiplication/,
    () => 'the second matrix has not as many rows as the first has columns, so that they can’t be multiplied',
  ],
  [/^Incompatible dimensions\.?$/, () => 'the sizes of its inputs do not fit each other'],
  [
    /indices element out of data bounds, idx=(-?\d+) must be within the inclusive range \[(-?\d+),(-?\d+)\]/,
    ([i, first, last]) => `it asks for element ${i}, and there are only those from ${first} to ${last}`,
  ],
  [
    /^Dimension of input (\d+) must be 1 instead of (\d+)/,
    ([axis, size]) => `axis ${axis} has ${size} values, and only an axis of 1 can be taken away`,
  ],
  [/^Invalid dimension: -\d+/, () => 'a window is larger than what it slides over'],
];

/** Why tensors do not fit each other, in plain words; any other reason as it is. */
export function plainShapes(why: string): string {
  for (const [said, plain] of FAULTS) {
    const found = said.exec(why);
    if (found) return plain(found.slice(1));
  }
  return why;
}
