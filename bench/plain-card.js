/** The card of an ONNX classifier of grey values from 0 to 255, without steps: for networks with random weights. */
export function plainCard({ id, file, classes, size: [rows, columns], channels }) {
  return {
    id,
    file,
    origin: file,
    format: 'onnx',
    task: 'softmax',
    emits: 'logits',
    explainAt: 'logits',
    classes: Array.from({ length: classes }, (_, i) => `class ${i}`),
    input: { size: [rows, columns], channels, layout: 'NCHW' },
    intensity: { unit: 'grey', window: [0, 255], air: 0, steps: [] },
    resize: { antialias: true, fit: 'stretch' },
  };
}
