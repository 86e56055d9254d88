import { basename } from 'node:path';
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
} from '../collections/collection.ts';
import { readCsvFile } from '../files/csv.ts';
import { type FoundFile, walkFolder } from '../files/walk.ts';
import { isImageName } from '../pixels/decode.ts';
import { openImages } from './image-folder.ts';
import type { ImageEntry } from './image-index.ts';

const FACTS = {
  name: 'covid-ct',
  from: 'https://github.com/UCSD-AI4H/COVID-CT (unpack CT_COVID.zip and CT_NonCOVID.zip)',
  licence: 'none stated; the images are cut from papers',
  tried: true,
} as const;

const options = z.strictObject({ path: pathOption, split: splitOption });

/** `trainCT_COVID.txt`, `testCT_NonCOVID.txt`: a file name a line. */
const SPLIT_FILE = /^(train|val|test)CT_(COVID|NonCOVID)\.txt$/i;

/**
 * COVID-CT (Yang et al. 2020, arXiv:2003.13865): pictures in `CT_COVID` and `CT_NonCOVID` at any depth, the authors'
 * splits from the lists in `Data-split`, and patients from the `MetaInfo` tables (any CSV with a column of files and one
 * of patients; the workbooks are to be saved as such). An image that none names is a patient of its own, and that is said.
 */
export const covidCt: DataReader = {
  name: 'covid-ct',
  title: 'COVID-CT',
  summary: collectionSummary('349 COVID and 397 other pictures of CT slices, cut from papers.', FACTS),
  options,
  async open(given, { base }) {
    const o = options.parse(given);
    const root = await collectionFolder(base, o.path, FACTS);
    const { files } = await walkFolder(root);
    const pictures = files.filter(f => isImageName(f.id) && labelOf(f.id) !== undefined);
    if (pictures.length === 0) {
      throw new CtXaiError('DATA', `${root}: there is no picture in a folder CT_COVID or CT_NonCOVID.`, {
        hint: 'Unpack CT_COVID.zip and CT_NonCOVID.zip of Images-processed there.',
      });
    }
    const splits = await splitsOf(files);
    const patients = await patientsOf(files);
    const remarks: string[] = [];
    if (splits.size === 0) remarks.push('there are no lists of Data-split, so images have no split');
    let alone = 0;
    const entries = pictures.map(({ id, path }): ImageEntry => {
      const name = basename(id);
      const label = labelOf(id)!;
      const split = splits.get(`${label}/${name}`);
      const patient = patients.get(name);
      if (patient === undefined) alone++;
      return { id, path, label, where: id, ...(split ? { split } : {}), ...(patient ? { patient } : {}) };
    });
    if (alone > 0) remarks.push(`${alone} of ${entries.length} images have no patient in a table: each counts as one`);
    const unlisted = splits.size > 0 ? entries.filter(e => e.split === undefined).length : 0;
    if (unlisted > 0) remarks.push(`${unlisted} images stand in no list of Data-split`);
    const taken = entries.filter(e => o.split === undefined || [o.split].flat().includes(e.split ?? ''));
    if (taken.length === 0)
      throw new CtXaiError('DATA', `data.split: no image has the split ${[o.split].flat().join(' or ')}.`);
    return asCollection(await openImages(root, { entries: taken, remarks }, {}), FACTS);
  },
};

function labelOf(id: string): 'COVID' | 'NonCOVID' | undefined {
  const folder = id
    .split('/')
    .slice(0, -1)
    .find(part => /^CT_(COVID|NonCOVID)$/i.test(part));
  return folder === undefined ? undefined : /non/i.test(folder) ? 'NonCOVID' : 'COVID';
}

async function splitsOf(files: readonly FoundFile[]): Promise<Map<string, string>> {
  const splits = new Map<string, string>();
  for (const { id, path } of files) {
    const [, split, label] = SPLIT_FILE.exec(basename(id)) ?? [];
    if (split === undefined || label === undefined) continue;
    const lines = (await readRegular(path)).toString('utf8').split(/\r?\n/);
    const name = /non/i.test(label) ? 'NonCOVID' : 'COVID';
    for (const line of lines)
      if (line.trim() !== '') splits.set(`${name}/${line.trim().normalize('NFC')}`, split.toLowerCase());
  }
  return splits;
}

/** Patients by the picture's name, from all tables that have a column of images and one of patients. */
async function patientsOf(files: readonly FoundFile[]): Promise<Map<string, string>> {
  const patients = new Map<string, string>();
  for (const { id, path } of files) {
    if (!/\.csv$/i.test(id)) continue;
    const { header, rows } = await readCsvFile(path, id);
    const image = header.findIndex(h => /image|file/i.test(h));
    const patient = header.findIndex(h => /patient/i.test(h));
    if (image < 0 || patient < 0) continue;
    for (const { cells } of rows) {
      const [name, who] = [cells[image]?.trim(), cells[patient]?.trim()];
      if (name && who) patients.set(basename(name).normalize('NFC'), who);
    }
  }
  return patients;
}
