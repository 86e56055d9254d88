import type { Sample } from '../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { writeAtomic } from '../../results/files.ts';
import { ExitCode, note, print } from '../shared/output.ts';
import { drawSheet, type SheetImage } from './draw-sheet.ts';
import { type DataArguments, openData } from './open-data.ts';

export interface PreviewArguments extends DataArguments {
  readonly out: string;
  readonly images: number;
  readonly window?: readonly number[] | undefined;
}

/** Air and lungs dark, bone white. */
const HU_WINDOW = [-1150, 350] as const;
const GREY_WINDOW = [0, 255] as const;

/** `ct-xai data preview`. */
export async function previewPath(argv: PreviewArguments): Promise<number> {
  const { images: wanted, window: given, out } = argv;
  if (!(Number.isInteger(wanted) && wanted >= 1 && wanted <= 400)) {
    throw new CtXaiError('USAGE', `--images ${wanted}: it must be a whole number from 1 to 400.`);
  }
  if (given && !(given.length === 2 && given[0]! < given[1]!)) {
    throw new CtXaiError('USAGE', `--window ${given.join(' ')}: the window must be two values that ascend.`);
  }
  const { dataset } = await openData(argv);
  const step = Math.max(1, dataset.count / wanted);
  const shown: SheetImage[] = [];
  let [at, next, failed] = [0, 0, 0];
  for await (const sample of dataset.samples()) {
    if (at++ < Math.floor(next)) continue;
    next += step;
    try {
      shown.push(await imageOf(sample, given as readonly [number, number] | undefined));
    } catch (error) {
      failed++;
      note(`${sample.id}: ${messageOf(error)}`);
    }
  }
  if (shown.length === 0) throw new CtXaiError('DATA', `${argv.path}: none of the images can be read.`);
  await writeAtomic(out, await drawSheet(shown));
  print(`${out}: ${shown.length} of ${dataset.count} images`);
  return failed > 0 ? ExitCode.rowsFailed : ExitCode.ok;
}

async function imageOf(sample: Sample, given: readonly [number, number] | undefined): Promise<SheetImage> {
  const { source, mask } = await sample.load();
  if (source.pixels.shape.length !== 2) throw new CtXaiError('IMAGE', `${sample.id}: only slices can be shown.`);
  return {
    pixels: source.pixels,
    ...(mask ? { mask } : {}),
    window: given ?? (source.unit === 'HU' ? HU_WINDOW : GREY_WINDOW),
    lines: [sample.id, [sample.label, sample.split].filter(s => s !== undefined).join(' · ')],
  };
}
