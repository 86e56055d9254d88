import { resolve } from 'node:path';
import { type MergeResult, mergeRuns } from '../../results/merge.ts';
import { commandLine } from '../shared/command-line.ts';
import { counted } from '../shared/counted.ts';
import { ExitCode, note, print, shownPath } from '../shared/output.ts';

export interface MergeArguments {
  readonly dirs: readonly string[];
  readonly out: string;
}

/** `ct-xai merge`. */
export async function mergeFolders({ dirs, out }: MergeArguments): Promise<number> {
  const unique = [...new Set(dirs.map(dir => resolve(dir)))];
  const merged = await mergeRuns(unique, resolve(out), commandLine());
  tell(merged, unique.length);
  return ExitCode.ok;
}

function tell(merged: MergeResult, folders: number): void {
  print(`merged ${counted(folders, 'folder')} → ${shownPath(merged.dir)}: ${counted(merged.rows, 'row')}`);
  for (const difference of merged.differences) {
    note(`warning: the shards differ, and so may the last digits of their values: ${difference}`);
  }
  if (merged.absent.length > 0) note(`not among the folders: shard ${merged.absent.join(', ')}`);
  if (merged.unfinished.length > 0) note(`not at its end: shard ${merged.unfinished.join(', ')}`);
  if (merged.waiting.length > 0) {
    print('left to do, since it needs the results of several shards or belongs to a shard that is not done:');
    for (const { what, maps, values } of merged.waiting) {
      const parts = [...(maps > 0 ? [counted(maps, 'map')] : []), ...(values > 0 ? [counted(values, 'value')] : [])];
      print(`  ${what}: ${parts.join(', ')}`);
    }
  }
  const suite = (merged.manifest.suite as { readonly file?: string } | undefined)?.file ?? 'SUITE';
  print(`'ct-xai run ${shownPath(suite)} --out ${shownPath(merged.dir)}' does what is left, and writes the report.`);
  print('Give it the same --limit, --seed, --device and --data as the shards, where they had some.');
}
