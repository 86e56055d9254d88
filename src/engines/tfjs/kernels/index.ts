import { getKernel, type KernelConfig, registerKernel } from '@tensorflow/tfjs-core';
import { convFilterGradient } from './conv-filter.ts';
import { depthwiseFilterGradient } from './depthwise-filter.ts';
import { depthwiseInputGradient } from './depthwise-input.ts';

const COMPOSED: Readonly<Record<string, KernelConfig['kernelFunc']>> = {
  Conv2DBackpropFilter: convFilterGradient,
  DepthwiseConv2dNativeBackpropFilter: depthwiseFilterGradient,
  DepthwiseConv2dNativeBackpropInput: depthwiseInputGradient,
};

/** Gives a back end the kernels for gradients that it lacks, made of those it has. */
export function registerMissingKernels(backendName: string): void {
  for (const [kernelName, kernelFunc] of Object.entries(COMPOSED)) {
    if (!getKernel(kernelName, backendName)) registerKernel({ kernelName, backendName, kernelFunc });
  }
}
