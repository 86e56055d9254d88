import { getKernel, type KernelConfig, registerKernel, unregisterKernel } from '@tensorflow/tfjs-core';
import { convFilterGradient } from './conv-filter.ts';
import { depthwiseFilterGradient } from './depthwise-filter.ts';
import { depthwiseInputGradient } from './depthwise-input.ts';
import { averagePoolGradient, maxPoolGradient } from './pooling.ts';
import { bilinearGradient, nearestGradient } from './resizing.ts';

export { differentiateDilated } from './dilated.ts';

type Kernels = Readonly<Record<string, KernelConfig['kernelFunc']>>;

/** What wasm lacks. */
const LACKING: Kernels = {
  Conv2DBackpropFilter: convFilterGradient,
  DepthwiseConv2dNativeBackpropFilter: depthwiseFilterGradient,
  DepthwiseConv2dNativeBackpropInput: depthwiseInputGradient,
};

/** What is wrong in TF.js's own. */
const WRONG: Readonly<Record<'wasm' | 'cpu', Kernels>> = {
  wasm: {
    MaxPoolGrad: maxPoolGradient,
    AvgPoolGrad: averagePoolGradient,
    ResizeBilinearGrad: bilinearGradient,
  },
  cpu: {
    AvgPoolGrad: averagePoolGradient,
    ResizeNearestNeighborGrad: nearestGradient,
    ResizeBilinearGrad: bilinearGradient,
  },
};

/** Gives a back end the kernels for gradients that it lacks, and others in place of those that are wrong. */
export function completeKernels(backendName: 'wasm' | 'cpu'): void {
  for (const [kernelName, kernelFunc] of Object.entries(LACKING)) {
    if (!getKernel(kernelName, backendName)) registerKernel({ kernelName, backendName, kernelFunc });
  }
  for (const [kernelName, kernelFunc] of Object.entries(WRONG[backendName])) {
    if (getKernel(kernelName, backendName)) unregisterKernel(kernelName, backendName);
    registerKernel({ kernelName, backendName, kernelFunc });
  }
}
