import { createRequire } from 'node:module';

/** Whether an optional package can be resolved from here. */
export function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(`${name}/package.json`);
    return true;
  } catch {
    return false;
  }
}
