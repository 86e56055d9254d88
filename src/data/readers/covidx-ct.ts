import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { DataReader } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { readRegular } from '../../files/regular.ts';
import {
  asCollection,
  collectionFolder,
  collectionSummary,
  pathOption,
  splitOption,
  wantedSplit,
} from '../collections/collection.ts';
import { readCsvFile } from '../files/csv.ts';
import { type FoundFile, walkFolder } from '../files/walk.ts';
import { openImages } from './image-folder.ts';
import type { ImageEntry } from './image-index.ts';

const FACTS = {
  name: 'covidx-ct',
  from: 'https://www.kaggle.com/datasets/hgunraj/covidxct',
  licence: 'that of each source; see its page',
  tried: false,
} as const;

const options = z.strictObject({ path: pathOption, split: splitOption });

/** `train_COVIDx_CT-2A.txt`, `val_COVIDx-CT.txt`: file, class and a box a line. */
const LIST = /^(train|val|test)_COVIDx[_-]CT.*\.txt$/i;
const LABELS = ['Normal', 'Pneumonia', 'COVID-19'];
const IMAGES = ['3A_images', '2A_images', '1A_images', 'images', '.'];

/**
 * COVIDx CT (Gunraj et al. 2020 and 2022): PNG slices in one folder, a list for each split with file and class (0
 * normal, 1 pneumonia, 2 COVID-19), and `metadata.csv` with the patients' ids, which the file names begin with.
 */
export const covidxCt: DataReader = {
  name: 'covidx-ct',
  title: 'COVIDx CT',
  summary: collectionSummary(
    'Slices of several sources as PNG: normal, pneumonia, COVID-19; with splits by patient.',
    FACTS,
  ),
  options,
  async open(given, { base }) {
    const o = options.parse(given);
    const root = await collectionFolder(base, o.path, FACTS);
    const folders = IMAGES.filter(name => name !== '.' && existsSync(join(root, name)));
    const { files } = await walkFolder(root, id => folders.includes(id));
    const lists = files.filter(f => LIST.test(basename(f.id)) && wantedSplit(o.split, splitOf(f)));
    if (lists.length === 0) {
      throw new CtXaiError(
        'DATA',
        `${root}: there is no list such as train_COVIDx_CT-3A.txt${o.split ? ' of this split' : ''}.`,
        {
          hint: 'Give the folder that holds the lists beside the folder of images.',
        },
      );
    }
    const patients = await patientIds(files);
    const entries: ImageEntry[] = [];
    let alone = 0;
    for (const list of lists) {
      const lines = (await readRegular(list.path)).toString('utf8').split(/\r?\n/);
      for (const [k, line] of lines.entries()) {
        if (line.trim() === '') continue;
        const where = `${list.id}, line ${k + 1}`;
        const [file, number] = line.trim().split(/\s+/);
        const label = LABELS[Number(number)];
        if (!file || label === undefined) {
          throw new CtXaiError(
            'DATA',
            `${where}: '${line}' is not 'file class xmin ymin xmax ymax' with class 0, 1 or 2.`,
          );
        }
        const folder = IMAGES.find(name => existsSync(join(root, name, file))) ?? folders[0] ?? '.';
        const patient = patientOf(file, patients);
        if (patient === undefined) alone++;
        entries.push({
          ...{ id: file, path: join(root, folder, file), label, split: splitOf(list), where: `${where}: ${file}` },
          patient: patient ?? seriesOf(file),
        });
      }
    }
    const remarks =
      alone > 0
        ? [`${alone} slices have no patient in metadata.csv: what stands before the slice's number counts as one`]
        : [];
    return asCollection(await openImages(root, { entries, remarks }, {}), FACTS);
  },
};

function splitOf({ id }: FoundFile): string {
  return LIST.exec(basename(id))![1]!.toLowerCase();
}

async function patientIds(files: readonly FoundFile[]): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (const { id, path } of files) {
    if (!/metadata\.csv$/i.test(id)) continue;
    const { header, rows } = await readCsvFile(path, id);
    const at = header.findIndex(h => /^patient[ _]?id$/i.test(h.trim()));
    for (const { cells } of rows) if (at >= 0 && cells[at]) ids.add(cells[at].trim());
  }
  return ids;
}

/** The longest id that the file's name begins with, up to one of its separators. */
function patientOf(file: string, ids: ReadonlySet<string>): string | undefined {
  const stem = file.replace(/\.\w+$/, '');
  for (let end = stem.length; end > 0; end--) {
    if ((end === stem.length || '_-'.includes(stem[end]!)) && ids.has(stem.slice(0, end))) return stem.slice(0, end);
  }
  return undefined;
}

function seriesOf(file: string): string {
  return file.replace(/\.\w+$/, '').replace(/[_-][^_-]*$/, '');
}
