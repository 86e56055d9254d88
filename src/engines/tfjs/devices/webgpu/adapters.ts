import { CtXaiError, messageOf } from '../../../../core/errors.ts';
import type { Adapter, Dawn } from './types.ts';

/** TF.js asks for it so, and the order of the adapters may depend on it. */
const PREFERENCE = { powerPreference: 'high-performance' } as const;

/** No GPU is called so: Dawn answers with the list of those there are. */
const NOBODY = 'no adapter is called so';

/** An adapter, and the flag that makes Dawn take it. */
export interface Choice {
  readonly adapter: Adapter;
  /** Its number, counted from 0. */
  readonly index: number;
  /** As the driver calls it. */
  readonly name: string;
  readonly flags: readonly string[];
}

/**
 * Finds the GPU that is asked for.
 * @param selector a number, counted from 0, or a part of its name in whatever case; absent: the first
 * @throws CtXaiError DEVICE, which lists those there are
 */
export async function chooseAdapter(dawn: Dawn, selector: string | undefined): Promise<Choice> {
  const names = await adapterNames(dawn);
  if (names.length === 0) {
    throw new CtXaiError('DEVICE', 'Dawn finds no GPU.', {
      hint: 'It needs a Vulkan driver and loader (Linux; Debian: libvulkan1), Direct3D 12 (Windows) or Metal (macOS). Or use device: wasm.',
    });
  }
  const index = chosen(names, selector);
  const name = names[index]!;
  // Dawn takes the first whose name contains what it is given.
  const first = names.findIndex(other => other.includes(name));
  if (first !== index) {
    throw new CtXaiError('DEVICE', `Dawn can't tell GPU ${index} from GPU ${first}: ${listed(names)}.`, {
      hint: "Hide the other one (VK_ICD_FILENAMES, or the driver's own variable) and use device: webgpu.",
    });
  }
  const flags = [`adapter=${name}`];
  const adapter = await dawn.create(flags).requestAdapter(PREFERENCE);
  if (!adapter) throw new CtXaiError('DEVICE', `Dawn can't open GPU ${index}, '${name}'.`);
  return { adapter, index, name, flags };
}

async function adapterNames(dawn: Dawn): Promise<string[]> {
  try {
    await dawn.create([`adapter=${NOBODY}`]).requestAdapter(PREFERENCE);
    return [];
  } catch (error) {
    return [...messageOf(error).matchAll(/name: '(.*)'$/gm)].map(match => match[1]!);
  }
}

function chosen(names: readonly string[], selector: string | undefined): number {
  if (selector === undefined) return 0;
  const index = /^\d+$/.test(selector)
    ? Number(selector)
    : names.findIndex(name => name.toLowerCase().includes(selector.toLowerCase()));
  if (names[index] !== undefined) return index;
  throw new CtXaiError('DEVICE', `there is no GPU '${selector}'. There are: ${listed(names)}.`, {
    hint: 'Use webgpu:NUMBER, counted from 0, or webgpu:PART OF THE NAME.',
  });
}

function listed(names: readonly string[]): string {
  return names.map((name, i) => `${i} '${name}'`).join(', ');
}
