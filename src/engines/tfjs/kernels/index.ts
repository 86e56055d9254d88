import { getKernel, type KernelConfig, registerKernel, unregisterKernel } from '@tensorflow/tfjs-core';
import { convFilterGradient } from './conv-filter.ts';
import { depthwiseFilterGradient } from './depthwise-filter.ts';
import { depthwiseInputGradient } from './depthwise-input.ts';
import { maxPoolGradient } from './max-pool.ts';

const COMPOSED: Readonly<Record<string, KernelConfig['kernelFunc']>> = {
  Conv2DBackpropFilter: convFilterGradient,
  DepthwiseConv2dNativeBackpropFilter: depthwiseFilterGradient,
  DepthwiseConv2dNativeBackpropInput: depthwiseInputGradient,
};

/** Gives the wasm back end the kernels for gradients that it lacks, and one in place of its own that is wrong. */
export function completeWasm(backendName = 'wasm'): void {
  for (const [kernelName, kernelFunc] of Object.entries(COMPOSED)) {
    if (!getKernel(kernelName, backendName)) registerKernel({ kernelName, backendName, kernelFunc });
  }
  if (getKernel('MaxPoolGrad', backendName)) unregisterKernel('MaxPoolGrad', backendName);
  registerKernel({ kernelName: 'MaxPoolGrad', backendName, kernelFunc: maxPoolGradient });
}
