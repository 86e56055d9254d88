import type { DataReader } from '../../core/contracts/index.ts';
import { asCollection, collectionFolder, collectionSummary, volumeCollection } from '../collections/collection.ts';
import { dicom } from './dicom.ts';

const FACTS = {
  name: 'covid-ct-md',
  from: 'https://doi.org/10.6084/m9.figshare.12991592 (github.com/ShahinSHH/COVID-CT-MD)',
  licence: 'as its page states it',
  tried: true,
} as const;

const LABELS = [
  [/^covid/i, 'COVID-19'],
  [/^cap/i, 'CAP'],
  [/^normal/i, 'Normal'],
] as const;

/**
 * COVID-CT-MD (Afshar et al. 2021): DICOM series of 169 patients with COVID-19, 60 with community-acquired pneumonia
 * (CAP) and 76 normal ones, in a folder a class with a folder a patient. Labels are those of the subject; the authors'
 * labels of slices and lobes are not read, since nothing documents their order. Subjects by folder, as keyed hashes.
 */
export const covidCtMd: DataReader = {
  name: 'covid-ct-md',
  title: 'COVID-CT-MD',
  summary: collectionSummary('DICOM chest CT of 305 subjects: COVID-19, CAP, normal.', FACTS),
  options: volumeCollection,
  async open(given, { base }) {
    const o = volumeCollection.parse(given);
    const root = await collectionFolder(base, o.path, FACTS);
    const pattern = '(?:^|/)((?:P|cap|normal)[0-9]+)/';
    const settings = dicom.options.parse({ ...o, path: root, labelFolders: false, patientPattern: pattern });
    const dataset = await dicom.open(settings, { base });
    return asCollection(dataset, FACTS, ({ id }) => {
      for (const [name, label] of LABELS) if (id.split('/').some(part => name.test(part))) return { label };
      return undefined;
    });
  },
};
