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

/** Why a test that breaks a GPU, or that knows SwiftShader by name, is skipped; undefined where SwiftShader is the GPU. */
export function notSoftware(): string | undefined {
  const icd = softwareGpu();
  if (icd === undefined) return NO_SOFTWARE_GPU;
  return icd.includes('swiftshader') ? undefined : `needs a software GPU, and ${icd} is another driver`;
}

/**
 * Makes SwiftShader the only Vulkan device of this process and those it starts, which must happen before anything asks
 * for one, and returns the path of its description, or undefined where it is not installed. A driver that is set by
 * VK_DRIVER_FILES or VK_ICD_FILENAMES is left alone, so that the tests run on a real GPU too.
 */
export function softwareGpu(): string | undefined {
  // Vulkan's loader reads the first, and the second only where there is no first.
  const given = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES;
  if (process.platform !== 'linux') return given;
  const icd = given ?? candidates().find(file => existsSync(file));
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
