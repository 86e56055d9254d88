import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { labelNamed } from '../config/resolve-labels.ts';
import type { ModelCard, Sample } from '../core/contracts/index.ts';
import { jsonDigest } from '../core/digest.ts';
import { CtXaiError } from '../core/errors.ts';
import { planar, type Tensor, tensor } from '../core/tensor.ts';
import { geometryOf } from '../data/preparation/geometry.ts';
import { prepare } from '../data/preparation/prepare.ts';
import { writeAtomic } from '../results/files.ts';

/** Images of one split in raw space on the network's grid. */
export interface ImageSet {
  readonly count: number;
  /** Index of the class, one per image. */
  readonly labels: readonly number[];
  readonly patients: readonly string[];
  readonly ids: readonly string[];
  /** [h, w] in HU or grey levels. */
  image(i: number): Tensor;
  /** Changes when the images or their labels do. */
  readonly digest: string;
}

export interface LoadOptions {
  readonly card: ModelCard;
  /** The data's labels → classes of the card; those with no entry must be classes. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Digest of the data set that the samples come from. */
  readonly source: string;
  /** Where images on the grid are kept for the next time; absent: nowhere. */
  readonly cacheDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Reads samples and brings them to the network's grid. @throws CtXaiError LABEL where a label is no class. */
export async function loadImages(samples: readonly Sample[], options: LoadOptions): Promise<ImageSet> {
  const { card, source, cacheDir, signal, onProgress } = options;
  const labels = samples.map(s => classOf(s, options));
  const [h, w] = planar(card.input.size);
  const digest = jsonDigest([source, samples.map((s, i) => [s.id, s.patient, labels[i]])]);
  const { unit, air } = card.intensity;
  const key = jsonDigest([source, samples.map(s => s.id), [h, w], card.resize, unit, air]);
  const file = cacheDir === undefined ? undefined : join(cacheDir, `images-${key.slice(0, 24)}.f32`);
  const length = samples.length * h * w;
  let data = file === undefined ? undefined : await cached(file, length);
  if (!data) {
    data = new Float32Array(length);
    for (const [i, sample] of samples.entries()) {
      signal?.throwIfAborted();
      const { source: slice, lung } = await sample.load(signal);
      const geometry = geometryOf(slice, card, sample.source, lung);
      data.set(prepare(slice, card, sample.source, geometry).raw.data, i * h * w);
      onProgress?.(i + 1, samples.length);
    }
    if (file !== undefined) {
      await mkdir(cacheDir!, { recursive: true });
      await writeAtomic(file, new Uint8Array(data.buffer));
    }
  }
  const all = data;
  return {
    count: samples.length,
    labels,
    patients: samples.map(s => s.patient),
    ids: samples.map(s => s.id),
    image: i => tensor([h, w], all.subarray(i * h * w, (i + 1) * h * w)),
    digest,
  };
}

async function cached(file: string, length: number): Promise<Float32Array | undefined> {
  if (!existsSync(file)) return undefined;
  const bytes = await readFile(file);
  // A buffer of its own is aligned.
  return bytes.length === length * 4 ? new Float32Array(new Uint8Array(bytes).buffer) : undefined;
}

function classOf({ label, source }: Sample, { card, labels }: LoadOptions): number {
  if (label === undefined) throw new CtXaiError('LABEL', `${source} has no label.`);
  const found = card.classes.indexOf(labelNamed(labels ?? {}, label) ?? label);
  if (found >= 0) return found;
  throw new CtXaiError('LABEL', `${source} has the label '${label}', which is none of ${card.classes.join(', ')}.`);
}
