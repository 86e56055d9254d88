export { onnxEngine } from './onnx-engine.ts';
