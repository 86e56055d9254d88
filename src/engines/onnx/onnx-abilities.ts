import type { Capability } from '../../core/contracts/index.ts';
import { messageOf } from '../../core/errors.ts';
import { type Abilities, abilitiesWithout, NO_LAYERS } from '../shared/abilities.ts';
import type { LayerMap } from '../shared/layer-map.ts';
import { type AttentionStructure, attentionOf } from './graph/attention-blocks.ts';
import type { PixelGrids } from './layers/measure-grids.ts';
import type { Headed } from './load/tail.ts';
import { gradientProgram } from './session/programs.ts';

/**
 * What a model can do: its gradient graphs are built to find out, and let go, for they hold weights of their own; nothing
 * is run. What can't be differentiated keeps its scores, activations and continuation.
 */
export function onnxAbilities(
  { model, head }: Headed,
  layers: LayerMap,
  grids: PixelGrids,
): Abilities & { readonly attention?: AttentionStructure } {
  const limitations: Partial<Record<Capability, string>> = {};
  const attention = attentionOf(model, grids);
  if (typeof attention === 'string') limitations.attention = attention;
  const attempt = (capability: Capability, wrt: string) => {
    try {
      gradientProgram(model, head, [wrt]);
    } catch (error) {
      limitations[capability] = messageOf(error);
    }
  };
  attempt('gradients', model.input);
  // Which rules a model takes is told where they are asked for: each set has operators of its own.
  if (limitations.gradients !== undefined) {
    for (const name of ['backward-rules', 'bias-gradients'] as const) limitations[name] = limitations.gradients;
    limitations.attention ??= limitations.gradients;
  }
  const layer = (layers.cam ?? layers.layers.at(-1))?.name;
  if (layer !== undefined) attempt('layers', layer);
  else for (const name of ['activations', 'layers', 'continuation'] as const) limitations[name] = NO_LAYERS;
  return { ...abilitiesWithout(limitations), ...(typeof attention === 'string' ? {} : { attention }) };
}
