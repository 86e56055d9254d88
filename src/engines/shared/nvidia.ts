import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CtXaiError } from '../../core/errors.ts';

const QUERY = ['--query-gpu=index,uuid,name', '--format=csv,noheader'];

/** A GPU by the number that CUDA has for it in this process, and by the driver's name. */
export interface NvidiaGpu {
  readonly deviceId: number;
  readonly name: string;
}

interface Listed {
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
}

/** The GPUs that CUDA shows this process, in its order; none where nvidia-smi does not tell. */
export async function visibleGpus(visible: string | undefined): Promise<NvidiaGpu[]> {
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', QUERY, { timeout: 10_000 });
    return shown(parseGpus(stdout), visible);
  } catch {
    return [];
  }
}

/** The rows of nvidia-smi's list. */
export function parseGpus(csv: string): Listed[] {
  return csv.split('\n').flatMap(line => {
    const [index, uuid, ...name] = line.split(',').map(cell => cell.trim());
    return /^\d+$/.test(index ?? '') ? [{ index: Number(index), uuid: uuid!, name: name.join(', ') }] : [];
  });
}

/** What CUDA_VISIBLE_DEVICES leaves, in its order; it ends at the first entry that names no GPU. */
export function shown(gpus: readonly Listed[], visible: string | undefined): NvidiaGpu[] {
  if (visible === undefined) return gpus.map(({ index, name }) => ({ deviceId: index, name }));
  const entries = visible.split(',').map(entry => entry.trim());
  const found = entries.map(e =>
    gpus.find(gpu => (/^\d+$/.test(e) ? gpu.index === Number(e) : e !== '' && gpu.uuid.startsWith(e))),
  );
  const end = found.indexOf(undefined);
  return found.slice(0, end < 0 ? found.length : end).map((gpu, deviceId) => ({ deviceId, name: gpu!.name }));
}

/**
 * @param selector a number, or a part of a name in whatever case
 * @throws CtXaiError DEVICE, which lists those there are
 */
export function chooseGpu(gpus: readonly NvidiaGpu[], selector: string): NvidiaGpu {
  const number = /^\d+$/.test(selector) ? Number(selector) : undefined;
  const matches = (gpu: NvidiaGpu) => {
    return number === undefined ? gpu.name.toLowerCase().includes(selector.toLowerCase()) : gpu.deviceId === number;
  };
  const found = selector === '' ? undefined : gpus.find(matches);
  if (found) return found;
  // Without nvidia-smi CUDA itself decides whether there is such a number.
  if (gpus.length === 0 && number !== undefined) return { deviceId: number, name: '' };
  const list = gpus.map(({ deviceId, name }) => `${deviceId} '${name}'`).join(', ');
  throw new CtXaiError('DEVICE', `there is no GPU '${selector}' for CUDA.`, {
    hint: list ? `There are: ${list}.` : 'nvidia-smi, which knows their names, tells of none; use cuda:NUMBER.',
  });
}
