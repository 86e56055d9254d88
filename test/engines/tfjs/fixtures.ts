import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Batch } from '../../../src/core/contracts/index.ts';
import { npyTensor, readNpy } from '../../../src/core/npy.ts';
import type { Tensor } from '../../../src/core/tensor.ts';
import { goldenFolder } from '../onnx/fixtures.ts';

export function golden(name: string): Tensor {
  return npyTensor(readNpy(readFileSync(join(goldenFolder, 'tfjs', name)), name));
}

export function goldenModel(name: string): string {
  return join(goldenFolder, 'tfjs', name, 'model.json');
}

/** The images of a tensor [n, …], or its `i`-th alone. */
export function batchOf(images: Tensor, i?: number): Batch {
  const n = images.shape[0]!;
  const size = images.data.length / n;
  return {
    count: i === undefined ? n : 1,
    write: (j, out) => out.set(images.data.subarray(((i ?? 0) + j) * size, ((i ?? 0) + j + 1) * size)),
  };
}

/** The largest difference, relative to the largest value wanted. */
export function worst(got: Float32Array, want: Float32Array): number {
  if (got.length !== want.length) return Number.POSITIVE_INFINITY;
  const scale = want.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-6);
  const off = got.reduce((m, v, i) => Math.max(m, Number.isNaN(v) ? Infinity : Math.abs(v - want[i]!)), 0);
  return off / scale;
}

/** Writes a model where the engine can read it. @returns model.json */
export async function save(model: LayersModel, folder: string): Promise<string> {
  const file = join(folder, 'model.json');
  await model.save({
    async save({ modelTopology, weightSpecs, weightData }) {
      const shards = Array.isArray(weightData) ? weightData : [weightData!];
      writeFileSync(join(folder, 'weights.bin'), Buffer.concat(shards.map(s => Buffer.from(s))));
      const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
      writeFileSync(file, JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest }));
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    },
  });
  return file;
}
