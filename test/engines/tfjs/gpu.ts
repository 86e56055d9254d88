import { missingPackages } from '../../../src/engines/tfjs/devices/webgpu/start.ts';
import { NO_SOFTWARE_GPU, notSoftware, softwareGpu } from '../../support/software-gpu.ts';

const missing = missingPackages();

/** Why tests of TF.js on WebGPU are skipped, to be put into their name; undefined where they run. */
export const noGpu: string | undefined =
  missing.length > 0
    ? `not installed: npm install --no-save ${missing.join(' ')}`
    : softwareGpu() === undefined
      ? NO_SOFTWARE_GPU
      : undefined;

/** Adds the reason for skipping to a test's name. */
export function onGpu(name: string): string {
  return noGpu === undefined ? name : `${name} (skipped: ${noGpu})`;
}

/** Why tests that know SwiftShader by name are skipped; undefined where they run. */
export const noSoftware: string | undefined = noGpu ?? notSoftware();

/** Adds the reason for skipping to the name of a test that knows SwiftShader. */
export function onSoftware(name: string): string {
  return noSoftware === undefined ? name : `${name} (skipped: ${noSoftware})`;
}
