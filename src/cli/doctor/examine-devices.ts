import { builtinRegistry } from '../../builtin.ts';
import { packageVersion } from '../../config/version.ts';
import type { DeviceReport } from '../../core/contracts/index.ts';
import { messageOf } from '../../core/errors.ts';
import { hardware } from '../../runners/environment.ts';
import { cacheFolder } from '../shared/cache.ts';
import { ExitCode, print } from '../shared/output.ts';

const MARKS: Readonly<Record<DeviceReport['state'], string>> = {
  works: 'works    ',
  missing: 'missing  ',
  fails: 'FAILS    ',
  'never-run': 'never run',
};

/** `ct-xai doctor`. @returns 0 if at least one device works. */
export async function examine({ json }: { readonly json: boolean }): Promise<number> {
  const devices: DeviceReport[] = [];
  for (const engine of builtinRegistry().engines.values()) {
    try {
      devices.push(...(await engine.probe()));
    } catch (error) {
      devices.push({ engine: engine.name, device: '–', state: 'fails', detail: messageOf(error) });
    }
  }
  const { cpu, cores, memoryGb, os } = hardware();
  const versions = { 'ct-xai-bench': packageVersion(), node: process.version };
  const works = devices.some(d => d.state === 'works');
  if (json) {
    print(JSON.stringify({ versions, hardware: { cpu, cores, memoryGb, os }, cache: cacheFolder(), devices }, null, 2));
    return works ? ExitCode.ok : ExitCode.usage;
  }
  print(`ct-xai-bench ${versions['ct-xai-bench']}, Node ${versions.node}`);
  print(`${cpu}, ${cores} cores, ${memoryGb} GB, ${os}`);
  print(`tuned settings are kept in ${cacheFolder()}\n`);
  for (const { engine, version, device, state, detail, hint } of devices) {
    // Some reasons end in their hint.
    const reason = (hint ? detail.replace(hint, '') : detail).replace(/\s+/g, ' ').trim();
    print(`${MARKS[state]}  ${engine}${version ? ` ${version}` : ''} on ${device}: ${reason}`);
    if (hint) print(`           → ${hint}`);
  }
  if (!works) print('\nNo device works here: models cannot be run.');
  return works ? ExitCode.ok : ExitCode.usage;
}
