import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelCard } from '../../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { UNRELATED } from '../../shared/pixel-grid.ts';
import { encodeByReference } from '../graph/by-reference.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import type { OnnxPool } from '../session/onnx-pool.ts';
import { measuringSettings } from '../session/session-options.ts';
import { camCandidates } from './cam-candidates.ts';
import { keptPixels } from './kept-pixels.ts';
import type { LayerFindings } from './layers-of.ts';
import { measureGrids, type OpenGraph, type PixelGrids } from './measure-grids.ts';

/** To be raised when layers are measured or ranked otherwise: then nothing remembered holds. */
const VERSION = 6;

/**
 * Which layers of an opened model have pixels, measured or by the operators before them, and which suit class activation
 * maps (of those measured); from an earlier opening where that is remembered.
 * @param remembered Where, and under which name, findings are kept; absent: nowhere.
 */
export async function findLayers(
  model: NormalisedModel,
  card: Pick<ModelCard, 'input' | 'intensity'>,
  pool: OnnxPool,
  { alone, remembered }: { readonly alone: boolean; readonly remembered?: { folder: string; key: string } | undefined },
): Promise<LayerFindings> {
  const file = remembered && join(remembered.folder, `layers-${remembered.key}.json`);
  const known = file && recalled(file);
  if (known) return known;
  const open = openIn(pool);
  try {
    const measured = await measureGrids(model, card, open, alone);
    const candidates = await camCandidates(model, measured, card, open, alone);
    const kept = keptPixels(model, card.input.layout);
    const grids: PixelGrids = new Map(
      [...measured].map(([name, grid]) => [name, grid === UNRELATED ? (kept.get(name) ?? grid) : grid]),
    );
    if (file) keep(file, remembered.folder, { grids, candidates });
    return { grids, candidates };
  } catch (error) {
    if (!(error instanceof CtXaiError)) throw error;
    // Scores and gradients of the image need no layers.
    return { grids: new Map(), candidates: [], failure: messageOf(error) };
  }
}

function openIn(pool: OnnxPool): OpenGraph {
  const session = 'layers';
  return async graph => {
    await pool.open(session, encodeByReference(graph), measuringSettings(), 1);
    const run = async (feeds: Parameters<Awaited<ReturnType<OpenGraph>>>[0]) =>
      (await pool.run(session, feeds, 1)).outputs;
    return Object.assign(run, { close: () => pool.drop(session) });
  };
}

interface Kept {
  readonly version: number;
  readonly grids: readonly (readonly [string, unknown])[];
  readonly candidates: LayerFindings['candidates'];
}

function recalled(file: string): LayerFindings | undefined {
  try {
    const { version, grids, candidates } = JSON.parse(readFileSync(file, 'utf8')) as Kept;
    if (version !== VERSION || !Array.isArray(candidates)) return undefined;
    return { grids: new Map(grids) as PixelGrids, candidates };
  } catch {
    return undefined;
  }
}

function keep(file: string, folder: string, { grids, candidates }: LayerFindings): void {
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, JSON.stringify({ version: VERSION, grids: [...grids], candidates } satisfies Kept));
  } catch {
    // Nothing depends on it.
  }
}
