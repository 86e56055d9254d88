import { spawn, spawnSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { loadAwsSdk } from '../../src/runners/queue/aws-sdk.ts';
import { freePort } from './redis-server.ts';

/** A Python with moto (`pip install 'moto[server]'`); CT_XAI_PYTHON names another than `python3`. */
const PYTHON = process.env.CT_XAI_PYTHON || 'python3';

/** Why tests of S3-compatible storage are skipped, or undefined where they can run. */
export const NO_S3 =
  spawnSync(PYTHON, ['-c', 'import moto.server, flask']).status !== 0
    ? 'moto is not installed (pip install moto[server]; CT_XAI_PYTHON)'
    : await loadAwsSdk().then(
        () => undefined,
        () => '@aws-sdk/client-s3 is not installed',
      );

/** An S3-compatible server on a free port of loopback, with one bucket. */
export interface S3Server {
  /** What the AWS SDK takes from the environment to find it. */
  readonly env: Readonly<Record<string, string>>;
  readonly bucket: string;
  kill(): void;
}

export async function s3Server(): Promise<S3Server> {
  const port = await freePort();
  const child = spawn(PYTHON, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const endpoint = `http://127.0.0.1:${port}`;
  for (let i = 0; ; i++) {
    const made = await fetch(`${endpoint}/study`, { method: 'PUT' }).catch(() => undefined);
    if (made?.ok) break;
    if (child.exitCode !== null || i > 600) throw new Error('moto did not start');
    await setTimeout(100);
  }
  const key = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' };
  return { env: { AWS_ENDPOINT_URL_S3: endpoint, ...key }, bucket: 's3://study', kill: () => void child.kill() };
}
