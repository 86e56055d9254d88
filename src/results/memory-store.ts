import { type Manifest, type Row, unitOf } from './rows.ts';
import type { RowArrays, RunStore } from './run-store.ts';

/** A store that keeps results in memory: for a few images whose results go to the screen. */
export function createMemoryStore(first: Manifest): RunStore & { rows(): Row[] } {
  let manifest = first;
  const kept = new Map<string, { row: Row; arrays: RowArrays }>();
  const rows = () => [...kept.values()].map(entry => entry.row);
  const ofSample = (row: Row): row is Extract<Row, { sample: string }> =>
    'sample' in row && row.kind !== 'budget' && row.sample !== undefined;
  return {
    get manifest() {
      return manifest;
    },
    async updateManifest(change) {
      manifest = { ...manifest, ...change };
    },
    async put(row, arrays = {}) {
      kept.set(unitOf(row), { row, arrays });
      return row;
    },
    rowsOf: async (model, sample) =>
      rows().filter(row => ofSample(row) && row.model === model && row.sample === sample),
    rowsBesideSamples: async () => rows().filter(row => !ofSample(row)),
    arraysOf: async row => kept.get(unitOf(row))?.arrays ?? {},
    isWhole: async () => true,
    rows,
  };
}
