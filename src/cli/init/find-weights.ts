import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { FileOutline } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import type { Registry } from '../../core/registry.ts';
import { mistakenPath } from '../../files/mistaken-file.ts';

/** Weights in a folder, by name. */
const WEIGHTS = ['model.onnx', 'model.json', 'model.h5', 'model.keras'];

/** The file of weights that is meant: itself, or the one in a folder. @throws CtXaiError MODEL if there is none */
export function weightsAt(path: string): string {
  const given = resolve(path);
  const folder = existsSync(given) && statSync(given).isDirectory();
  const candidates = folder ? WEIGHTS.map(name => join(given, name)) : [given];
  const found = candidates.find(file => existsSync(file));
  if (found) return found;
  if (!folder) throw new CtXaiError('MODEL', `there is no model file ${given}.`);
  throw mistaken(given);
}

/** @throws CtXaiError MODEL where no engine reads the file */
export async function outlineFile(file: string, registry: Registry): Promise<FileOutline> {
  const reads = [...registry.engines.values()].find(engine => engine.outline !== undefined);
  if (!/\.(onnx|json|h5|hdf5|keras)$/i.test(file) || !reads) throw mistaken(file);
  return reads.outline!(file);
}

function mistaken(path: string): CtXaiError {
  const { what, hint } = mistakenPath(path);
  return new CtXaiError('MODEL', `${path}: ${what}.`, { hint });
}
