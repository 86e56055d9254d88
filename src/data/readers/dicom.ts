import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { DataReader, LoadedSample, Source } from '../../core/contracts/index.ts';
import { jsonDigest } from '../../core/digest.ts';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { lungShare } from '../../core/image/lungs.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { DicomHeader } from '../dicom/header.ts';
import { createPseudonyms, PLAIN, type Pseudonyms } from '../dicom/identity.ts';
import { loadDicomSlice, type SliceOptions } from '../dicom/load-slice.ts';
import { type OpenedOutlines, type OutlinedSlice, type Outlines, openOutlines } from '../dicom/outlines.ts';
import { createFrameDecoder, type FrameDecoder } from '../dicom/pixels.ts';
import { INCLUDABLE, type ScannedFile, type ScannedFolder, scanDicomFolder, scanFiles } from '../dicom/scan.ts';
import { groupSeries, type Series, type SeriesSlice } from '../dicom/series.ts';
import { fileDigests } from '../file-digests.ts';
import { chooseCuts, cutOptions } from '../volumes/choose-cuts.ts';
import { LUNG, masksByName } from '../volumes/mask-volume.ts';
import { createSeriesMasks, type SeriesMask, type SeriesMasks } from '../volumes/series-masks.ts';
import { assemble, labelOptions, type OfferedSlice } from '../volumes/sliced-dataset.ts';

const options = z.strictObject({
  path: z.string().describe('A folder of DICOM files at any depth, or one file, relative to the suite.'),
  ...labelOptions,
  masks: z
    .union([z.string(), z.record(z.string().min(1), z.string())])
    .optional()
    .describe(
      'Folder, within `path`, of mask volumes (NIfTI, MetaImage) named like the series’ folder or the patient; several ' +
        'readers as { name: folder }. DICOM segmentations and structure sets among the files are found by themselves.',
    ),
  structures: z
    .array(z.string())
    .min(1)
    .optional()
    .describe(
      'Segments or structures by name. Default: the altered tissue or the target (GTV), where the file says which is; otherwise all but organs and the outline of the body.',
    ),
  include: z
    .array(z.enum(INCLUDABLE))
    .default([])
    .describe('What is otherwise left out: localisers, secondary-captures, other-modalities (in grey levels).'),
  rescale: z
    .strictObject({ slope: z.number().default(1), intercept: z.number() })
    .optional()
    .describe('Stored values × slope + intercept are Hounsfield units, whatever the files say.'),
  anonymise: z
    .boolean()
    .default(true)
    .describe(
      'Patients and series are keyed hashes, also where their names stand in paths. false: as the files have them.',
    ),
  key: z
    .string()
    .min(8)
    .optional()
    .describe('The hashes’ key, so that patients have the same name in several data sets. Default: made of the data.'),
  ...cutOptions,
});

type Options = z.output<typeof options>;

/**
 * DICOM files of CT: every transfer syntax in use, single and multi-frame, in Hounsfield units.
 * Series are sorted along their normal; every frame is a sample, as it is stored. Patients are those of the files' tags.
 */
export const dicom: DataReader = {
  name: 'dicom',
  title: 'DICOM series',
  summary:
    'CT as the scanner or the archive gives it, in HU with spacing and position; masks from SEG, RTSTRUCT or volumes.',
  options,
  async open(given, { base }) {
    const o = options.parse(given);
    const { root, scanned } = await scan(resolve(base, o.path), o);
    const files = [...scanned.images, ...scanned.outlines];
    const names = o.anonymise
      ? createPseudonyms(
          scanned.identities,
          files.map(f => f.header.series),
          o.key,
        )
      : PLAIN;
    const scanLeftOut = scanned.leftOut.map(f => ({ ...f, path: names.path(f.path) }));
    if (scanned.images.length === 0) throw nothingFound(resolve(base, o.path), scanLeftOut);
    const decoder = createFrameDecoder();
    const series = groupSeries(scanned.images);
    const opened = await openOutlines(scanned.outlines, o.structures, decoder, names.path);
    const volumes = await createSeriesMasks(root, o.masks);
    const leftOut = [...scanLeftOut, ...opened.leftOut.map(f => ({ ...f, path: names.path(f.path) }))];
    const slices: OfferedSlice[] = [];
    for (const s of series) slices.push(...(await slicesOf(s, { o, names, decoder, opened, volumes }, leftOut)));
    const remarks = [
      ...scanned.remarks,
      ...seriesRemarks(series, names),
      ...outlineRemarks(opened, names, series),
      ...volumes.remarks(),
      ...tagRemarks(scanned.images),
    ];
    const digest = await digestOf(files, volumes, o);
    const patientName = o.anonymise ? names.patient : undefined;
    const name = names.path(`${basename(root)}/`).slice(0, -1);
    const as = { root, name, options: o, ...(patientName ? { patientName } : {}) };
    return assemble({ ...as, slices, remarks, leftOut, digest });
  },
};

async function scan(path: string, o: Options): Promise<{ root: string; scanned: ScannedFolder }> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new CtXaiError('DATA', `data.path: there is no folder or file ${path}.`);
  if (found.isFile()) {
    const file = { id: basename(path).normalize('NFC'), path };
    return { root: dirname(path), scanned: { ...(await scanFiles([file], o.include)), remarks: [] } };
  }
  const folders = o.masks === undefined ? [] : typeof o.masks === 'string' ? [o.masks] : Object.values(o.masks);
  const skipped = folders.map(f => resolve(path, f));
  return { root: path, scanned: await scanDicomFolder(path, o.include, id => skipped.includes(resolve(path, id))) };
}

function nothingFound(path: string, leftOut: ScannedFolder['leftOut']): CtXaiError {
  const some = leftOut.slice(0, 3).map(f => `${f.path}: ${f.reason}`);
  return new CtXaiError('DATA', `${path}: no DICOM image of CT was found.`, {
    hint: some.length > 0 ? `Left out, for example: ${some.join('; ')}.` : 'There are no files that could be DICOM.',
  });
}

/** What slices are made with. */
interface Making {
  readonly o: Options;
  readonly names: Pseudonyms;
  readonly decoder: FrameDecoder;
  readonly opened: OpenedOutlines;
  readonly volumes: SeriesMasks;
}

async function slicesOf(
  series: Series,
  making: Making,
  leftOut: { path: string; reason: string }[],
): Promise<OfferedSlice[]> {
  const { o } = making;
  const positions = series.slices.map((s, i) => s.position ?? i);
  // A series that somebody outlined has masks on all slices: empty ones where nothing was drawn.
  const outlines = making.opened.outlines.filter(f => series.slices.some(s => f.on(outlined(s)).length > 0));
  const slices: OfferedSlice[] = [];
  for (const k of chooseCuts(positions, o)) {
    const slice = sliceOf(series.slices[k]!, outlines, making);
    const reason = o.only === undefined ? undefined : await unwanted(slice, o.only);
    if (reason === 'other') continue;
    if (reason !== undefined) leftOut.push({ path: slice.id, reason });
    else slices.push(slice);
  }
  return slices;
}

/** 'other' where the slice is not of the wanted kind; a reason where that can't be told. */
async function unwanted(slice: OfferedSlice, only: 'lung' | 'lesion'): Promise<string | undefined> {
  if (only === 'lesion' && !slice.hasMask) return 'other';
  try {
    const { source, mask } = await slice.load();
    if (only === 'lesion') return mask?.data.some(v => v > 0) ? undefined : 'other';
    return source.unit === 'HU' && lungShare(source.pixels) >= 0.05 ? undefined : 'other';
  } catch (cause) {
    return messageOf(cause);
  }
}

function outlined({ file: { header, identity }, frame }: SeriesSlice): OutlinedSlice {
  const { instance, frames, rows, columns, frameOfReference } = header;
  return {
    ...{ instance, rows, columns, place: frames[frame]!, alone: frames.length === 1, patient: identity.patientId },
    ...(frameOfReference === undefined ? {} : { frameOfReference }),
  };
}

function sliceOf(slice: SeriesSlice, outlines: readonly Outlines[], making: Making): OfferedSlice {
  const { o, names, decoder } = making;
  const { file, frame } = slice;
  const { header, identity } = file;
  const path = names.path(file.id);
  const id =
    header.frames.length === 1
      ? path
      : `${path}/frame-${String(frame).padStart(String(header.frames.length - 1).length, '0')}`;
  const volumes = making.volumes.of(file.id, identity.patientId, header.series);
  const grey = header.modality !== undefined && header.modality !== 'CT';
  const reading: SliceOptions = { rescale: o.rescale, grey };
  return {
    id,
    where: id,
    patient: names.patient(patientKey(file)),
    exam: names.series(header.series),
    groups: { ...header.groups, ...(identity.institution ? { site: names.site(identity.institution) } : {}) },
    hasMask: [...outlines, ...volumes].some(({ name }) => name !== LUNG),
    size: [header.rows, header.columns],
    keys: {
      path: file.id,
      patient: identity.patientId,
      series: header.series,
      ...(header.instanceNumber === undefined ? {} : { slice: header.instanceNumber }),
    },
    async load(signal) {
      signal?.throwIfAborted();
      const source = await loadDicomSlice(file.path, frame, decoder, reading, id);
      signal?.throwIfAborted();
      return withMasks(source, { id, on: outlined(slice), outlines, volumes });
    },
  };
}

/** Where the masks of a slice come from. */
interface MaskOrigins {
  readonly id: string;
  readonly on: OutlinedSlice;
  readonly outlines: readonly Outlines[];
  readonly volumes: readonly SeriesMask[];
}

async function withMasks(source: Source, { id, on, outlines, volumes }: MaskOrigins): Promise<LoadedSample> {
  const masks: Record<string, Tensor> = {};
  try {
    for (const each of outlines) masks[each.name] = await each.maskOf(on);
    for (const volume of volumes) masks[volume.name] = await volume.maskOf(source);
  } catch (cause) {
    throw new CtXaiError('IMAGE', `${id}: its mask can't be read: ${messageOf(cause)}.`, { cause });
  }
  return { source, ...masksByName(masks) };
}

/** Who a file is of: the patient's number, or where it has none the study, the series or the file itself. */
function patientKey({ id, header, identity }: ScannedFile): string {
  return identity.patientId || header.study || header.series || id;
}

function seriesRemarks(series: readonly Series[], names: Pseudonyms): string[] {
  return series.flatMap(({ uid, slices, warnings }) =>
    warnings.map(w => `${names.series(uid)} (${slices.length} slices, ${names.path(slices[0]!.file.id)} …): ${w}`),
  );
}

function outlineRemarks({ outlines }: OpenedOutlines, names: Pseudonyms, series: readonly Series[]): string[] {
  const list = (structures: readonly string[]) => structures.map(names.text).join(', ');
  const slices = series.flatMap(s => s.slices.map(outlined));
  return outlines.map(({ name, taken, passedBy, pieces, kind, on }) => {
    const rest = passedBy.length > 0 ? `; passed by: ${list(passedBy)}` : '';
    const placed = new Set(slices.flatMap(slice => on(slice))).size;
    const stray =
      placed === 0
        ? '; it is drawn on none of the slices that are here'
        : placed < pieces
          ? `; ${pieces - placed} of its ${pieces} ${kind} lie on none of the slices that are here`
          : '';
    return `masks: ${name} with ${list(taken) || 'nothing'}${rest}${pieces > 0 ? stray : ''}`;
  });
}

function tagRemarks(images: readonly ScannedFile[]): string[] {
  const count = (test: (h: DicomHeader, f: ScannedFile) => boolean) => images.filter(f => test(f.header, f)).length;
  const said = (n: number, text: string) => (n > 0 ? [`${n} of ${images.length} files ${text}`] : []);
  return [
    ...said(
      count((_, f) => f.identity.patientId === ''),
      'have no patient number: their study stands for the patient',
    ),
    ...said(
      count(h => h.modality === undefined),
      'do not say their modality, and were taken for CT',
    ),
    ...said(
      count(h => h.series === ''),
      'do not say their series, and were taken for one',
    ),
  ];
}

async function digestOf(files: readonly ScannedFile[], volumes: SeriesMasks, o: Options): Promise<string> {
  const paths = [...files.map(f => f.path), ...volumes.files()];
  const sized: { path: string; size: number }[] = [];
  for (const path of paths) sized.push({ path, size: (await stat(path)).size });
  const digests = await fileDigests(sized);
  const { path: _, key: __, ...rest } = o;
  return jsonDigest([
    'dicom 1',
    rest,
    files.map(f => [f.id, digests.get(f.path)]),
    volumes.files().map(f => digests.get(f)),
  ]);
}
