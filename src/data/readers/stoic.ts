import { basename } from 'node:path';
import type { DataReader } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { asCollection, collectionFolder, collectionSummary, volumeCollection } from '../collections/collection.ts';
import { readCsvFile } from '../files/csv.ts';
import { walkFolder } from '../files/walk.ts';
import { openVolumeFolder, volumeFolderOptions } from '../volumes/volume-folder.ts';

const FACTS = {
  name: 'stoic',
  from: 'https://registry.opendata.aws/stoic2021-training',
  licence: 'CC BY-NC 4.0',
  tried: false,
} as const;

/**
 * STOIC2021 (Revel et al. 2021), its public training set: `data/mha/ID.mha` of 2,000 patients and `reference.csv` with
 * `PatientID`, `probCOVID` (0 or 1, by PCR) and `probSevere` (0 or 1: intubation or death within a month).
 */
export const stoic: DataReader = {
  name: 'stoic',
  title: 'STOIC2021',
  summary: collectionSummary('2,000 CT volumes as MetaImage, COVID by PCR, with severity as a subgroup.', FACTS),
  options: volumeCollection,
  async open(given, { base }) {
    const o = volumeCollection.parse(given);
    const root = await collectionFolder(base, o.path, FACTS);
    const reference = await referenceOf(root);
    const settings = volumeFolderOptions.parse({ ...o, path: root, unit: 'HU', labelFolders: false });
    const dataset = await openVolumeFolder('metaimage', settings, base);
    const unknown = new Set<string>();
    const collection = await asCollection(dataset, FACTS, ({ id }) => {
      const patient = basename(id.split('/').find(part => /\.mh[ad]$/i.test(part)) ?? id).replace(/\.mh[ad]$/i, '');
      const found = reference.get(patient);
      if (!found) unknown.add(patient);
      return (
        found && {
          patient,
          label: found.covid ? 'COVID' : 'non-COVID',
          groups: { severe: found.severe ? 'yes' : 'no' },
        }
      );
    });
    const said = [...unknown].slice(0, 5).join(', ');
    const remark = `${unknown.size} volumes do not stand in reference.csv and are left out: ${said}`;
    return unknown.size === 0 ? collection : { ...collection, remarks: [...(collection.remarks ?? []), remark] };
  },
};

async function referenceOf(root: string): Promise<Map<string, { covid: boolean; severe: boolean }>> {
  const { files } = await walkFolder(root);
  const file = files.find(f => basename(f.id).toLowerCase() === 'reference.csv');
  if (!file) {
    throw new CtXaiError('DATA', `${root}: there is no reference.csv, which says who has COVID.`, {
      hint: 'It lies in the folder metadata of the collection.',
    });
  }
  const { header, rows } = await readCsvFile(file.path, file.id);
  const at = (name: string) => {
    const found = header.findIndex(h => h.trim().toLowerCase() === name.toLowerCase());
    if (found >= 0) return found;
    throw new CtXaiError('DATA', `${file.id} has no column '${name}'; it has: ${header.join(', ')}.`);
  };
  const [id, covid, severe] = ['PatientID', 'probCOVID', 'probSevere'].map(at) as [number, number, number];
  const isOne = (cell: string | undefined, line: number) => {
    const value = Number(cell);
    if (value === 0 || value === 1) return value === 1;
    throw new CtXaiError('DATA', `${file.id}, line ${line}: '${cell}' is neither 0 nor 1.`);
  };
  return new Map(
    rows.map(({ cells, line }) => [
      cells[id]!.trim(),
      { covid: isOne(cells[covid], line), severe: isOne(cells[severe], line) },
    ]),
  );
}
