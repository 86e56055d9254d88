import { CtXaiError } from '../../../core/errors.ts';
import { readModelFile } from '../load/file.ts';
import type { TrainedParameter, WeightArrays } from './network.ts';

/**
 * The weights of a trained model for a network of the same architecture and width. The last layer starts anew: its
 * classes may be others.
 * @throws CtXaiError MODEL if the file can't be read or has other weights.
 */
export function startFrom(file: string, parameters: readonly TrainedParameter[]): WeightArrays {
  const { constants } = readModelFile(file);
  const weights = new Map<string, Float32Array>();
  for (const { name, dims } of parameters) {
    if (name.startsWith('dense')) continue;
    const found = constants.get(name);
    if (!found || !(found.data instanceof Float32Array) || found.dims.join() !== dims.join()) {
      const has = found ? `has it as [${found.dims.join(', ')}]` : 'does not have it';
      throw new CtXaiError(
        'MODEL',
        `${file}: the network has weights '${name}' of [${dims.join(', ')}]; the file ${has}.`,
        {
          hint: 'Start from a model that `ct-xai train` made with the same --arch and --width.',
        },
      );
    }
    weights.set(name, found.data.slice());
  }
  return weights;
}
