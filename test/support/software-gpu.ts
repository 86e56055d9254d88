import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

const ICD = 'vk_swiftshader_icd.json';

/** Where Chromium's packages put SwiftShader, a Vulkan device in software. */
const FOLDERS = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/usr/lib64/chromium-browser', '/opt/google/chrome'];

const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome'];

/** Why a test of the WebGPU paths is skipped; to be put into its name. */
export const NO_SOFTWARE_GPU = `no software GPU: ${ICD} of Chromium was not found (Debian: apt-get install chromium)`;

/**
 * Makes SwiftShader this process's only Vulkan device, which must happen before anything asks for one, and returns the
 * path of its description, or undefined where it is not installed. A set VK_ICD_FILENAMES is left alone.
 */
export function softwareGpu(): string | undefined {
  const given = process.env.VK_ICD_FILENAMES;
  if (given) return given;
  const found = process.platform === 'linux' ? candidates().find(file => existsSync(file)) : undefined;
  if (found) process.env.VK_ICD_FILENAMES = found;
  return found;
}

function candidates(): string[] {
  const path = (process.env.PATH ?? '').split(delimiter);
  const commands = COMMANDS.flatMap(name => path.map(folder => join(folder, name))).filter(file => existsSync(file));
  return [...FOLDERS, ...commands.map(file => dirname(realpathSync(file)))].map(folder => join(folder, ICD));
}
