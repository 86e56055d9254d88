import { z } from 'zod';
import type { DataReader } from '../../core/contracts/index.ts';
import { asCollection, collectionFolder, collectionSummary, pathOption } from '../collections/collection.ts';
import { openImages } from './image-folder.ts';
import { scanFolders } from './image-index.ts';

const FACTS = {
  name: 'sars-cov-2-ct',
  from: 'https://www.kaggle.com/datasets/plameneduardo/sarscov2-ctscan-dataset',
  licence: 'CC BY-NC-SA 4.0',
  tried: false,
} as const;

const options = z.strictObject({ path: pathOption });

/**
 * SARS-CoV-2 CT-scan (Angelov and Soares 2020): pictures in the folders `COVID` and `non-COVID`. There are some 120
 * patients with several pictures each, and nothing says whose a picture is: intervals by patient are then too narrow.
 */
export const sarsCov2Ct: DataReader = {
  name: 'sars-cov-2-ct',
  title: 'SARS-CoV-2 CT-scan',
  summary: collectionSummary('1,252 COVID and 1,230 other pictures of CT slices, without patients or splits.', FACTS),
  options,
  async open(given, { base }) {
    const o = options.parse(given);
    const root = await collectionFolder(base, o.path, FACTS);
    const remark = 'nothing says which pictures are of one patient: each counts as one, and intervals are too narrow';
    return asCollection(await openImages(root, await scanFolders(root), {}), FACTS, undefined, [remark]);
  },
};
