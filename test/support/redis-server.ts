import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/** Why tests of the queue are skipped, or undefined where redis-server is there (Debian: apt-get install redis-server). */
export const NO_REDIS =
  spawnSync('redis-server', ['--version']).status === 0 ? undefined : 'redis-server is not installed';

/** A Redis of its own on a free port of loopback. */
export interface RedisServer {
  readonly port: number;
  readonly address: string;
  /** Ends it without a word, as a lost machine does. */
  kill(): Promise<void>;
  /** Starts it again with what its append-only file holds. */
  start(): Promise<void>;
}

export async function redisServer(dir: string, args: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort();
  let child: ChildProcess;
  const start = async () => {
    const own = args.includes('--tls-port') ? [] : ['--port', String(port)];
    const all = [...own, '--bind', '127.0.0.1', '--dir', dir, '--appendonly', 'yes', '--save', '', ...args];
    child = spawn(
      'redis-server',
      all.map(arg => arg.replace('PORT', String(port))),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let text = '';
    child.stdout!.on('data', (piece: Buffer) => {
      text += piece.toString();
    });
    for (let i = 0; i < 200 && !/Ready to accept connections/.test(text); i++) {
      if (child.exitCode !== null) throw new Error(`redis-server ended: ${text}`);
      await setTimeout(50);
    }
  };
  await start();
  return {
    port,
    address: `redis://127.0.0.1:${port}`,
    start,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
