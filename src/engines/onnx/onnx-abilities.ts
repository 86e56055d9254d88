import type { Capability } from '../../core/contracts/index.ts';
import { messageOf } from '../../core/errors.ts';
import { type Abilities, abilitiesWithout, NO_LAYERS } from '../shared/abilities.ts';
import type { LayerMap } from '../shared/layer-map.ts';
import { type AttentionStructure, attentionOf } from './graph/attention-blocks.ts';
import type { PixelGrids } from './layers/measure-grids.ts';
import type { Headed } from './load/tail.ts';
import { gradientProgram, type Program, programKey } from './session/programs.ts';

/**
 * What a model can do, and the programs that were built to find out, by `programKey`; nothing is run. What can't be
 * differentiated keeps its scores, activations and continuation.
 */
export function onnxAbilities(
  { model, head }: Headed,
  layers: LayerMap,
  grids: PixelGrids,
): Abilities & { readonly built: Map<string, Program>; readonly attention?: AttentionStructure } {
  const built = new Map<string, Program>();
  const limitations: Partial<Record<Capability, string>> = {};
  const attention = attentionOf(model, grids);
  if (typeof attention === 'string') limitations.attention = attention;
  const attempt = (capability: Capability, key: string, wrt: string) => {
    try {
      built.set(key, gradientProgram(model, head, [wrt]));
    } catch (error) {
      limitations[capability] = messageOf(error);
    }
  };
  attempt('gradients', programKey('gradient'), model.input);
  // Which rules a model takes is told where they are asked for: each set has operators of its own.
  if (limitations.gradients !== undefined) {
    for (const name of ['backward-rules', 'bias-gradients'] as const) limitations[name] = limitations.gradients;
    limitations.attention ??= limitations.gradients;
  }
  const layer = (layers.cam ?? layers.layers.at(-1))?.name;
  if (layer !== undefined) attempt('layers', programKey('layer', [layer]), layer);
  else for (const name of ['activations', 'layers', 'continuation'] as const) limitations[name] = NO_LAYERS;
  return { ...abilitiesWithout(limitations), built, ...(typeof attention === 'string' ? {} : { attention }) };
}
