import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import type { DataReader, Sample } from '../../core/contracts/index.ts';
import { jsonDigest } from '../../core/digest.ts';
import { CtXaiError } from '../../core/errors.ts';
import type { NpyArray } from '../../core/npy.ts';
import { asCollection, collectionSummary, splitOption, wantedSplit } from '../collections/collection.ts';
import { fileDigests } from '../file-digests.ts';
import { imageAt, keepLast, readArrays, stackOf } from '../volumes/array-file.ts';

const FACTS = {
  name: 'medmnist',
  from: 'https://zenodo.org/records/10519652 (for example organamnist_128.npz)',
  licence: 'CC BY 4.0 for most of its parts; see its page',
  tried: false,
} as const;

const options = z.strictObject({
  path: z.string().describe('The .npz file, or a folder with one of them, relative to the suite.'),
  split: splitOption,
});

const SPLITS = ['train', 'val', 'test'] as const;

/**
 * MedMNIST (Yang et al. 2023): `train_images`, `train_labels`, `val_images` … in one `.npz` file. Labels are numbers;
 * its page says what they mean. Images are grey levels, not HU. Nothing says whose an image is, so that each counts as
 * a patient. Volumes (the 3D parts) are refused.
 */
export const medmnist: DataReader = {
  name: 'medmnist',
  title: 'MedMNIST',
  summary: collectionSummary('One .npz file with the images and labels of three splits.', FACTS),
  options,
  async open(given, { base }) {
    const o = options.parse(given);
    const path = await fileOf(resolve(base, o.path));
    const read = keepLast(readArrays);
    const arrays = await read(path);
    const samples: Sample[] = [];
    for (const split of SPLITS.filter(s => wantedSplit(o.split, s))) {
      const [images, labels] = [arrays.get(`${split}_images`), arrays.get(`${split}_labels`)];
      if (!images || !labels) continue;
      checkArrays(basename(path), split, images, labels);
      const { count } = stackOf(images);
      const width = String(count - 1).length;
      for (let k = 0; k < count; k++) {
        const id = `${split}/${String(k).padStart(width, '0')}`;
        samples.push({
          ...{ id, patient: id, label: String(labels.data[k]), split, hasMask: false },
          source: `${basename(path)}, ${id}`,
          async load(signal) {
            signal?.throwIfAborted();
            const { pixels, colour } = imageAt((await read(path)).get(`${split}_images`)!, k);
            return { source: { pixels, ...(colour ? { colour } : {}), unit: 'grey' } };
          },
        });
      }
    }
    if (samples.length === 0) {
      throw new CtXaiError('DATA', `${path}: it has no arrays such as test_images and test_labels.`, {
        hint: `It has: ${[...arrays.keys()].join(', ')}. Other archives are read by 'use: npy'.`,
      });
    }
    const digests = await fileDigests([{ path, size: (await stat(path)).size }]);
    const dataset = {
      name: 'medmnist',
      labels: [],
      digest: jsonDigest(['medmnist 1', digests.get(path)]),
      count: samples.length,
      async *samples() {
        yield* samples;
      },
    };
    const remark = 'nothing says which images are of one patient: each counts as one, and intervals are too narrow';
    return asCollection(dataset, FACTS, undefined, [remark]);
  },
};

async function fileOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return path;
  const archives = found?.isDirectory() ? (await readdir(path)).filter(n => /\.npz$/i.test(n)) : [];
  if (archives.length === 1) return join(path, archives[0]!);
  const what = found ? `${path} has ${archives.length} .npz files` : `there is no file or folder ${path}`;
  throw new CtXaiError('DATA', `data.path: ${what}.`, {
    hint: `Name one file. Get '${FACTS.name}' from ${FACTS.from}.`,
  });
}

function checkArrays(file: string, split: string, images: NpyArray, labels: NpyArray): void {
  const { count } = stackOf(images);
  const [n, each = 1] = labels.shape;
  if (images.shape.length > 4 || (images.shape.length === 4 && images.shape[3] !== 3)) {
    throw new CtXaiError(
      'DATA',
      `${file}: ${split}_images has the shape [${images.shape.join(', ')}]: volumes are not read.`,
    );
  }
  if (n !== count) throw new CtXaiError('DATA', `${file}: ${split} has ${count} images and ${n} labels.`);
  if (each !== 1) {
    throw new CtXaiError(
      'DATA',
      `${file}: ${split}_labels has ${each} findings an image; only one label each is read.`,
    );
  }
}
