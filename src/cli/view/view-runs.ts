import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { CtXaiError } from '../../core/errors.ts';
import { interruptSignal } from '../shared/interrupts.ts';
import { ExitCode, print, shownPath } from '../shared/output.ts';
import { createRunServer } from './run-server.ts';

export interface ViewArguments {
  readonly dir: string;
  readonly port: number;
}

/** `ct-xai view`: serves until it is interrupted. */
export async function viewRuns({ dir, port }: ViewArguments): Promise<number> {
  const root = resolve(dir);
  if (!(await stat(root).catch(() => undefined))?.isDirectory()) {
    throw new CtXaiError('USAGE', `there is no folder ${shownPath(root)}.`, {
      hint: "Name a run folder, or a folder of them, such as 'reports'.",
    });
  }
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new CtXaiError('USAGE', `--port ${port}: a whole number from 0 to 65535 is needed.`);
  }
  const server = createRunServer(root);
  const { signal, release } = interruptSignal();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening').catch((error: Error) => {
      throw new CtXaiError('USAGE', `--port ${port} can't be used: ${error.message}.`, { hint: 'Leave --port out.' });
    });
    print(`runs of ${shownPath(root)}: http://localhost:${(server.address() as AddressInfo).port}/`);
    print('Ctrl-C ends it.');
    if (!signal.aborted) await once(signal, 'abort');
    return ExitCode.ok;
  } finally {
    server.closeAllConnections();
    server.close();
    release();
  }
}
