import { IDLE } from '../../network/outline-layers.ts';
import type { Writer } from '../export-context.ts';
import { activationLayers } from './activations.ts';
import { convolutionLayers } from './convolutions.ts';
import { mergingLayers } from './merging.ts';
import { normalisationLayers } from './normalisations.ts';
import { poolingLayers } from './pooling.ts';
import { shapeLayers } from './shapes.ts';

/** Every layer that can be written in ONNX, by its class. */
export const LAYERS: Readonly<Record<string, Writer>> = {
  ...Object.fromEntries([...IDLE].map(name => [name, ((_, [x]) => x!) satisfies Writer])),
  ...activationLayers,
  ...convolutionLayers,
  ...mergingLayers,
  ...normalisationLayers,
  ...poolingLayers,
  ...shapeLayers,
};
