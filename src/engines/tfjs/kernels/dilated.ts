import {
  conv2dTranspose,
  engine,
  type GradConfig,
  getGradient,
  getKernel,
  type KernelConfig,
  registerGradient,
  registerKernel,
  reshape,
  type Tensor4D,
  tidy,
  unregisterGradient,
  unregisterKernel,
} from '@tensorflow/tfjs-core';
import { CtXaiError } from '../../../core/errors.ts';
import { spread } from './spread.ts';

interface Attributes {
  readonly dilations: number | [number, number] | null | undefined;
  readonly strides: [number, number];
  readonly pad: 'same' | 'valid' | number;
}

/** d / d input, for a kernel [kh, kw, …] without dilation. */
type DepthwiseInputGradient = (dy: Tensor4D, kernel: Tensor4D, x: Tensor4D, attrs: Attributes) => Tensor4D;

const convolution: DepthwiseInputGradient = (dy, kernel, x, { strides, pad }) => {
  return conv2dTranspose(dy, kernel, x.shape, strides, pad);
};

const depthwise: DepthwiseInputGradient = (dy, filter, x, { strides, pad }) => {
  const attrs = { strides, pad, dilations: [1, 1], inputShape: x.shape };
  return engine().runKernel('DepthwiseConv2dNativeBackpropInput', { dy, filter }, attrs) as Tensor4D;
};

/**
 * TF.js refuses to differentiate dilated convolutions. With zeros put between its values the kernel is an ordinary one,
 * whose gradient with respect to the input it knows.
 */
export function differentiateDilated(): void {
  replace('Conv2D', convolution);
  replace('DepthwiseConv2dNative', depthwise);
}

function replace(kernelName: string, ofInput: DepthwiseInputGradient): void {
  const original = getGradient(kernelName);
  const gradFunc: GradConfig['gradFunc'] = (dy, saved, attrs) => {
    const [x, filter] = saved as [Tensor4D, Tensor4D];
    const settings = attrs as unknown as Attributes;
    const [rows, columns] = stepsOf(settings);
    if (rows === 1 && columns === 1) return original.gradFunc(dy, saved, attrs);
    return {
      x: () => ofInput(dy as Tensor4D, widened(filter, rows, columns), x, settings),
      filter: () => {
        throw new CtXaiError('OPERATOR', 'TF.js has no gradient of the kernel of a dilated convolution.');
      },
    };
  };
  unregisterGradient(kernelName);
  registerGradient({ ...original, gradFunc });
}

/**
 * libtensorflow has no dilated depthwise convolution on the CPU. With zeros put between its values the kernel is an
 * ordinary one.
 */
export function withoutDilation(backendName: string): void {
  for (const kernelName of ['DepthwiseConv2dNative', 'FusedDepthwiseConv2D']) {
    const original = getKernel(kernelName, backendName);
    if (!original) continue;
    const kernelFunc: KernelConfig['kernelFunc'] = call => {
      const [rows, columns] = stepsOf(call.attrs as unknown as Attributes);
      if (rows === 1 && columns === 1) return original.kernelFunc(call);
      const filter = tidy(() => widened(call.inputs.filter as Tensor4D, rows, columns));
      const made = original.kernelFunc({
        ...call,
        inputs: { ...call.inputs, filter },
        attrs: { ...call.attrs, dilations: [1, 1] },
      });
      filter.dispose();
      return made;
    };
    unregisterKernel(kernelName, backendName);
    registerKernel({ ...original, kernelFunc });
  }
}

function stepsOf({ dilations }: Attributes): readonly [rows: number, columns: number] {
  const steps = dilations ?? 1;
  return typeof steps === 'number' ? [steps, steps] : steps;
}

function widened(filter: Tensor4D, rowStep: number, columnStep: number): Tensor4D {
  const [kh, kw, from, to] = filter.shape;
  const height = (kh - 1) * rowStep + 1;
  const tall = spread(filter, 1, kh, kw * from * to, rowStep);
  const wide = spread(tall, height, kw, from * to, columnStep);
  return reshape(wide, [height, (kw - 1) * columnStep + 1, from, to]);
}
