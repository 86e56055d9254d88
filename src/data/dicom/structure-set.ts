import { type Tensor, tensor } from '../../core/tensor.ts';
import { readRegular } from '../../files/regular.ts';
import { decimals, items, parseDicomFile, text } from './dataset.ts';
import type { DicomFrame } from './header.ts';
import { distanceFrom } from './planes.ts';

type Point = readonly [number, number, number];

/** A closed contour in the patient, LPS millimetres. */
export interface Contour {
  readonly roi: string;
  /** Structures may share a name. */
  readonly number: string;
  readonly instance?: string;
  /** In which the points are given, where the file says. */
  readonly frameOfReference?: string;
  readonly points: readonly Point[];
}

export interface StructureSet {
  readonly contours: readonly Contour[];
  /** Numbers of the structures that are a finding, where types or names tell; of all where none does. */
  readonly findings: ReadonlySet<string>;
}

/** Reads the closed contours of a DICOM structure set (RTSTRUCT). @throws Error saying what is wrong with the file. */
export async function readStructureSet(path: string): Promise<StructureSet> {
  const { set } = parseDicomFile(await readRegular(path));
  const rois = items(set, 'x30060020');
  const names = new Map(rois.map(roi => [text(roi, 'x30060022'), text(roi, 'x30060026') ?? 'ROI']));
  const frames = new Map(rois.map(roi => [text(roi, 'x30060022'), text(roi, 'x30060024')]));
  const contours = items(set, 'x30060039').flatMap(roi => {
    const number = text(roi, 'x30060084') ?? '';
    const name = names.get(number) ?? 'ROI';
    const frameOfReference = frames.get(number);
    return items(roi, 'x30060040').flatMap(contour => {
      if (!/^CLOSED/.test(text(contour, 'x30060042') ?? '')) return [];
      const values = decimals(contour, 'x30060050') ?? [];
      if (values.length < 9 || values.length % 3 !== 0) return [];
      const points = Array.from(
        { length: values.length / 3 },
        (_, i) => values.slice(3 * i, 3 * i + 3) as unknown as Point,
      );
      const source = items(contour, 'x30060016')[0];
      const instance = source && text(source, 'x00081155');
      return [
        {
          ...{ roi: name, number, points },
          ...(instance === undefined ? {} : { instance }),
          ...(frameOfReference === undefined ? {} : { frameOfReference }),
        },
      ];
    });
  });
  const types = new Map(items(set, 'x30060080').map(o => [text(o, 'x30060084'), text(o, 'x300600a4') ?? '']));
  const drawn = new Map(contours.map(({ roi, number }) => [number, { roi, number, type: types.get(number) ?? '' }]));
  return { contours, findings: new Set(findingsOf([...drawn.values()])) };
}

/** Of what a tumour is drawn as: itself first, then with the margins of its treatment. */
const TARGETS = ['GTV', 'CTV', 'PTV'];
/** Types of structures that are no finding. */
const SURROUNDINGS =
  /^(EXTERNAL|ORGAN|AVOIDANCE|SUPPORT|FIXATION|BOLUS|MARKER|REGISTRATION|ISOCENTER|CONTRAST_AGENT|DOSE_\w+|CONTROL|BRACHY_\w+|IRRAD_VOLUME|TREATED_VOLUME)$/;
/** What the outline of the body is called where no type says so. */
const BODY = /^(body|external|skin|patient|outline|contour)([ _-]?(outline|contour|surface))?$/i;

interface Structure {
  readonly roi: string;
  readonly number: string;
  readonly type: string;
}

function findingsOf(structures: readonly Structure[]): string[] {
  const target = TARGETS.find(type => structures.some(s => s.type === type));
  const kept = structures.filter(({ roi, type }) =>
    target === undefined ? !SURROUNDINGS.test(type) && !BODY.test(roi.trim()) : type === target,
  );
  return (kept.length > 0 ? kept : structures).map(({ number }) => number);
}

/** Contours may lie this far off the slice's plane, mm. */
const NEAR = 0.5;

/** Whether a contour lies in the plane of a slice. */
export function liesOn({ points }: Contour, place: DicomFrame): boolean {
  return points.every(p => distanceFrom(place, p) < NEAR);
}

/**
 * The mask [rows, columns] of 0 and 1 of contours on a slice: a pixel is inside if its centre is within an odd number
 * of the ROI's contours (so that inner contours cut holes), of any of the ROIs.
 */
export function fillContours(contours: readonly Contour[], place: DicomFrame, rows: number, columns: number): Tensor {
  const out = new Float32Array(rows * columns);
  const { position, orientation, spacing } = place;
  if (!position || !orientation || !spacing)
    throw new Error('the slice does not say where it lies, so contours have no place on it');
  const toPixel = (p: Point): readonly [number, number] => {
    const d = p.map((v, i) => v - position[i]!);
    const along = (axis: Point) => axis.reduce((sum, v, i) => sum + v * d[i]!, 0);
    return [along(orientation[1]) / spacing[0], along(orientation[0]) / spacing[1]];
  };
  for (const roi of new Set(contours.map(c => c.number))) {
    const inside = new Uint8Array(rows * columns);
    for (const contour of contours)
      if (contour.number === roi) toggle(inside, contour.points.map(toPixel), rows, columns);
    inside.forEach((v, i) => {
      if (v) out[i] = 1;
    });
  }
  return tensor([rows, columns], out);
}

/** Flips the pixels whose centres lie within a polygon of [row, column] corners. */
function toggle(
  inside: Uint8Array,
  polygon: readonly (readonly [number, number])[],
  rows: number,
  columns: number,
): void {
  const low = Math.max(0, Math.ceil(polygon.reduce((m, p) => Math.min(m, p[0]), rows)));
  const high = Math.min(rows - 1, Math.floor(polygon.reduce((m, p) => Math.max(m, p[0]), -1)));
  for (let r = low; r <= high; r++) {
    const crossings: number[] = [];
    for (let i = 0; i < polygon.length; i++) {
      const [a, b] = [polygon[i]!, polygon[(i + 1) % polygon.length]!];
      if (a[0] <= r !== b[0] <= r) crossings.push(a[1] + ((r - a[0]) / (b[0] - a[0])) * (b[1] - a[1]));
    }
    crossings.sort((x, y) => x - y);
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const end = Math.min(columns - 1, Math.ceil(crossings[k + 1]!) - 1);
      for (let c = Math.max(0, Math.ceil(crossings[k]!)); c <= end; c++) inside[r * columns + c]! ^= 1;
    }
  }
}
