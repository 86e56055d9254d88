import { existsSync, realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const ICD = 'vk_swiftshader_icd.json';
const LOADER = 'libvulkan.so.1';

/** Where Chromium's packages put SwiftShader, a Vulkan device in software. */
const FOLDERS = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/usr/lib64/chromium-browser', '/opt/google/chrome'];

const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome'];

/** Why a test of the WebGPU paths is skipped; to be put into its name. */
export const NO_SOFTWARE_GPU = `no software GPU: ${ICD} of Chromium was not found (Debian: apt-get install chromium)`;

/**
 * Makes SwiftShader the only Vulkan device of this process and those it starts, which must happen before anything asks
 * for one, and returns the path of its description, or undefined where it is not installed. A VK_ICD_FILENAMES that
 * is set is left alone.
 */
export function softwareGpu(): string | undefined {
  if (process.platform !== 'linux') return process.env.VK_ICD_FILENAMES;
  const icd = process.env.VK_ICD_FILENAMES ?? candidates().find(file => existsSync(file));
  if (!icd) return undefined;
  process.env.VK_ICD_FILENAMES = icd;
  const folder = dirname(icd);
  if (!opened(LOADER) && existsSync(join(folder, LOADER))) {
    opened(join(folder, LOADER));
    const others = process.env.LD_LIBRARY_PATH;
    if (!others?.split(':').includes(folder)) process.env.LD_LIBRARY_PATH = others ? `${folder}:${others}` : folder;
  }
  return icd;
}

/**
 * Whether a library could be loaded. Dawn asks for Vulkan's loader by its name, which the system has only if its package
 * is installed; but what is loaded already is found by name, and Chromium brings a copy of the loader.
 */
function opened(library: string): boolean {
  const RTLD_NODELETE = 0x1000;
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_LAZY | RTLD_NODELETE);
    return true;
  } catch (error) {
    // It is loaded, and stays; that it is no module of Node's is no news.
    return error instanceof Error && error.message.includes('did not self-register');
  }
}

function candidates(): string[] {
  const path = (process.env.PATH ?? '').split(delimiter);
  const commands = COMMANDS.flatMap(name => path.map(folder => join(folder, name))).filter(file => existsSync(file));
  return [...FOLDERS, ...commands.map(file => dirname(realpathSync(file)))].map(folder => join(folder, ICD));
}
