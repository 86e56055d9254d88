import { getKernel, type KernelConfig, registerKernel, unregisterKernel } from '@tensorflow/tfjs-core';
import { composedAveragePoolGradient, composedBilinearGradient } from './composed.ts';
import { convFilterGradient } from './conv-filter.ts';
import { depthwiseFilterGradient } from './depthwise-filter.ts';
import { depthwiseInputGradient } from './depthwise-input.ts';
import { averagePoolGradient, maxPoolGradient } from './pool-kernels.ts';
import { bilinearGradient, nearestGradient } from './resizing.ts';

export { differentiateDilated, withoutDilation } from './dilated.ts';

type Kernels = Readonly<Record<string, KernelConfig['kernelFunc']>>;

/** What wasm lacks; the others have them. */
const LACKING: Kernels = {
  Conv2DBackpropFilter: convFilterGradient,
  DepthwiseConv2dNativeBackpropFilter: depthwiseFilterGradient,
  DepthwiseConv2dNativeBackpropInput: depthwiseInputGradient,
};

type Backend = 'wasm' | 'cpu' | 'webgpu' | 'tensorflow';

/** What is wrong in TF.js's own. */
const WRONG: Readonly<Record<Backend, Kernels>> = {
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
  tensorflow: {
    ResizeBilinearGrad: composedBilinearGradient,
  },
  webgpu: {
    AvgPoolGrad: composedAveragePoolGradient,
    ResizeBilinearGrad: composedBilinearGradient,
  },
};

/** Gives a back end the kernels for gradients that it lacks, and others in place of those that are wrong. */
export function completeKernels(backendName: Backend): void {
  for (const [kernelName, kernelFunc] of Object.entries(LACKING)) {
    if (!getKernel(kernelName, backendName)) registerKernel({ kernelName, backendName, kernelFunc });
  }
  for (const [kernelName, kernelFunc] of Object.entries(WRONG[backendName])) {
    if (getKernel(kernelName, backendName)) unregisterKernel(kernelName, backendName);
    registerKernel({ kernelName, backendName, kernelFunc });
  }
}
