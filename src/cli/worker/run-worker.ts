import { resolve } from 'node:path';
import { builtinRegistry } from '../../builtin.ts';
import { isS3 } from '../../runners/queue/bucket.ts';
import { mirrored } from '../../runners/queue/mirror.ts';
import { serve } from '../../runners/queue/serve.ts';
import { cacheFolder } from '../shared/cache.ts';
import { interruptSignal, surviveStrayErrors } from '../shared/interrupts.ts';
import { ExitCode, note } from '../shared/output.ts';
import { pluginWorkerUrl } from '../shared/plugin-worker-url.ts';

export interface WorkerArguments {
  readonly address: string;
  readonly models?: string | undefined;
  readonly data?: string | undefined;
  readonly files?: string | undefined;
  readonly device?: string | undefined;
  readonly allowPlugin: readonly string[];
  readonly name?: string | undefined;
  readonly idle?: number | undefined;
  readonly patience: number;
}

/** `ct-xai worker`. */
export async function runWorker(argv: WorkerArguments): Promise<number> {
  const { models, data, files, device, name, idle } = argv;
  const interrupts = interruptSignal();
  const release = surviveStrayErrors();
  try {
    await serve({
      address: argv.address,
      plugins: argv.allowPlugin,
      patienceSeconds: argv.patience,
      registry: builtinRegistry(),
      pluginWorker: pluginWorkerUrl(),
      cacheDir: cacheFolder(),
      signal: interrupts.signal,
      tell: note,
      ...(models === undefined ? {} : { models: await folderOf(models) }),
      ...(data === undefined ? {} : { data: await folderOf(data) }),
      ...(files === undefined ? {} : { files: isS3(files) ? files : resolve(files) }),
      ...(device === undefined ? {} : { device }),
      ...(name === undefined ? {} : { name }),
      ...(idle === undefined ? {} : { idleSeconds: idle }),
    });
    return ExitCode.ok;
  } finally {
    interrupts.release();
    release();
  }
}

/** The folder; of S3-compatible storage a copy on this machine, which is as it is there now. */
async function folderOf(address: string): Promise<string> {
  if (!isS3(address)) return resolve(address);
  note(`fetching what is new in ${address}`);
  return mirrored(address, cacheFolder());
}
