export { onnxEngine } from './engine.ts';
