import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/core/tensor.ts';
import { loadRun } from '../../src/reports/summary/load-run.ts';
import type { Run } from '../../src/results/run.ts';
import { fixtureRows } from './fixture.ts';

/** A run folder in memory; some files are gone. */
function runOf({ manifest, rows }: ReturnType<typeof fixtureRows>, gone: (method: string) => boolean): Run {
  return {
    dir: '',
    manifest,
    async *rows() {
      yield* rows;
    },
    rowsOf: async (model, sample) =>
      rows.filter(row => 'sample' in row && row.kind !== 'budget' && row.model === model && row.sample === sample),
    readMap: async row => (gone(row.method) ? undefined : tensor([2, 2], Float32Array.of(1, 0, 0, -1))),
    readLayerMap: async row =>
      row.files?.layerMap ? tensor([1, 2], Float32Array.of(row.method === 'lime' ? 3 : 2, 1)) : undefined,
    readView: async row => (row.index === 0 ? undefined : tensor([2, 2])),
    readSlice: async row => (row.intensity ? tensor([2, 2], Float32Array.of(-1000, 0, 40, 400)) : undefined),
    readMask: async row => (row.hasMask ? tensor([2, 2]) : undefined),
    readFilm: async () => undefined,
    close: async () => {},
  };
}

describe('loadRun', () => {
  it('keeps every row’s value or reason, and loads what the gallery shows', async () => {
    const made = fixtureRows({ images: 12, patients: 12 });
    const { summary, gallery } = await loadRun(
      runOf(made, method => method === 'lime'),
      4,
    );
    const scores = made.rows.filter(row => row.kind === 'score');
    const kept = summary.scores.reduce(
      (n, cell) => n + cell.values.size + cell.others.reduce((m, o) => m + o.count, 0),
      0,
    );
    expect(kept).toBe(scores.length);
    const first = scores.find(row => row.status === 'ok')!;
    const cell = summary.scores.find(c => c.method === first.method && c.metric === first.metric)!;
    expect(cell.values.get(first.sample)).toBe(first.value);
    expect(gallery).toHaveLength(4);
    for (const entry of gallery) {
      const image = await entry.load();
      expect(image.maps.map(m => m.method)).not.toContain('lime');
      expect(image.maps.map(m => m.method)).toContain('occlusion');
    }
  });

  it('finds explainers whose layer maps are the same, one scaled or not', async () => {
    const made = fixtureRows({ images: 4, patients: 4, methods: ['grad-cam', 'hires-cam', 'lime'] });
    const rows = made.rows.map(row => (row.kind === 'map' ? { ...row, files: { layerMap: 'x' } } : row));
    const { same } = await loadRun(
      runOf({ ...made, rows }, () => false),
      0,
    );
    expect([...same!]).toEqual([['densenet121', [['grad-cam', 'hires-cam']]]]);
  });

  it('reads a run without rows, and one without a gallery', async () => {
    const none = runOf(fixtureRows({ images: 0, timing: false }), () => false);
    const empty = await loadRun(none, 8);
    expect(empty.summary).toEqual({ samples: [], scores: [], maps: [], timings: [], budgets: [], groups: [] });
    expect(
      (
        await loadRun(
          runOf(fixtureRows({ images: 3 }), () => false),
          0,
        )
      ).gallery,
    ).toEqual([]);
  });

  it('takes a value that is not finite for a failure', async () => {
    const made = fixtureRows({ images: 3 });
    const at = made.rows.findIndex(row => row.kind === 'score' && row.status === 'ok');
    made.rows[at] = { ...made.rows[at]!, value: Number.NaN } as (typeof made.rows)[number];
    const { summary } = await loadRun(
      runOf(made, () => false),
      0,
    );
    expect(summary.scores.flatMap(c => c.others).filter(o => o.status === 'failed')).toMatchObject([{ count: 1 }]);
  });
});
