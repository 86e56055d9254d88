import { join } from 'node:path';
import type { Plan } from '../../config/plan.ts';
import { samplesOf } from '../../config/samples.ts';
import type { LoadedSample } from '../../core/contracts/index.ts';
import { messageOf } from '../../core/errors.ts';
import { SAVED_FOLDER } from '../../results/folder.ts';
import { partFileName, sampleFileName } from '../../results/names.ts';
import { isPlain, type MapRow } from '../../results/rows.ts';
import type { Run } from '../../results/run.ts';
import { counted } from '../shared/counted.ts';
import type { Saved } from '../shared/map-formats.ts';
import { note, print, shownPath } from '../shared/output.ts';
import { saveMap } from '../shared/save-map.ts';

/**
 * Writes the maps of a run's explainers on the pixels of the files that were explained, into its folder.
 * @returns whether all could be written; what could not is said
 */
export async function saveMaps(run: Run, plan: Plan, formats: readonly Saved[]): Promise<boolean> {
  const methods = run.manifest.methods.filter(method => method.role === 'method').map(method => method.id);
  const reasons = new Map<string, number>();
  let [written, unplaced, number] = [0, 0, 0];
  for await (const sample of samplesOf(plan)) {
    number++;
    let loading: Promise<LoadedSample> | undefined;
    const once = {
      ...sample,
      load: () => {
        loading ??= sample.load();
        return loading;
      },
    };
    for (const { id, card } of plan.models) {
      const rows = await run.rowsOf(id, sample.id);
      const own = rows.filter(
        (row): row is MapRow => row.kind === 'map' && isPlain(row) && methods.includes(row.method),
      );
      for (const row of own) {
        const map = await run.readMap(row);
        if (!map) continue;
        const folder = join(run.dir, SAVED_FOLDER, partFileName(id), partFileName(row.method));
        // One DICOM series of a scan, model and explainer, so that viewers page through it as through the scan.
        const title = [row.method, ...(row.target === undefined ? [] : [row.target]), id].join(', ');
        const group = `${run.manifest.planDigest} ${id} ${row.method}`;
        const name = sampleFileName(sample.id);
        const at = { sample: once, card, formats, folder, name, title, group, number, quiet: true };
        const refuse = (reason: string) => reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        try {
          const { files, refused } = await saveMap(map, at);
          written += files.length;
          for (const { format, reason } of refused) refuse(`${format}: ${reason}`);
        } catch (error) {
          refuse(messageOf(error));
        }
      }
    }
    if (loading && !(await loading.catch(() => undefined))?.source.placement) unplaced++;
  }
  if (formats.includes('nifti') && unplaced > 0) {
    note(`${unplaced} images do not say where they lie in the patient: their NIfTI files have no place`);
  }
  const failed = [...reasons].slice(0, MOST_REASONS);
  for (const [reason, count] of failed) note(`not saved: ${count} × ${reason}`);
  if (reasons.size > MOST_REASONS) note(`… and ${counted(reasons.size - MOST_REASONS, 'more reason')}`);
  print(`${written} files of maps: ${shownPath(join(run.dir, SAVED_FOLDER))}`);
  return reasons.size === 0;
}

const MOST_REASONS = 5;
