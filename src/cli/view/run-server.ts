import { realpath } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { insideFolder } from '../../files/inside.ts';
import { readRegular } from '../../files/regular.ts';
import { findRuns } from './find-runs.ts';
import { indexPage } from './index-page.ts';

/** What is served, by ending: what a run folder holds, and nothing that a browser could take for something else. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.svg': 'image/svg+xml',
  '.csv': 'text/csv; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.tex': 'text/plain; charset=utf-8',
  '.bib': 'text/plain; charset=utf-8',
  '.json': 'application/json',
  '.jsonl': 'application/x-ndjson',
  '.npy': 'application/octet-stream',
  '.parquet': 'application/octet-stream',
};

const LIMIT = 2 ** 28;

/**
 * Serves the runs below a folder: an index that follows runs while they work, and the files of run folders. It answers
 * only requests for this machine by name, so that no web page can reach it through a name of its own, and only files
 * that lie in a run folder, links resolved.
 */
export function createRunServer(root: string): Server {
  return createServer((request, response) => {
    answer(root, request, response).catch(() => end(response, 500, 'The file could not be read.'));
  });
}

async function answer(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!isForUs(request)) return end(response, 403, 'Open this server as localhost.');
  if (request.method !== 'GET' && request.method !== 'HEAD') return end(response, 405, 'Only reading is possible.');
  const path = pathOf(request.url ?? '/');
  if (path === undefined) return end(response, 400, 'The address is not valid.');
  if (path === '/') return send(response, 200, TYPES['.html']!, Buffer.from(indexPage()));
  if (path === '/runs.json') {
    return send(response, 200, TYPES['.json']!, Buffer.from(JSON.stringify(await findRuns(root))));
  }
  // Browsers ask for it unasked, and complain where there is none.
  if (path === '/favicon.ico') return send(response, 204, 'image/x-icon', Buffer.alloc(0));
  if (!path.startsWith('/run/')) return end(response, 404, 'There is no such page.');
  const file = await fileOf(root, path.slice('/run/'.length));
  if (file === undefined) return end(response, 404, 'There is no such file in a run folder.');
  return send(response, 200, TYPES[extname(file).toLowerCase()]!, await readRegular(file, { limit: LIMIT }));
}

/** A name that a web page gave itself for this machine's address (DNS rebinding) is not ours. */
function isForUs({ headers, socket }: IncomingMessage): boolean {
  const port = socket.localPort;
  return [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`].includes(headers.host ?? '');
}

function pathOf(url: string): string | undefined {
  try {
    return decodeURIComponent(new URL(url, 'http://localhost').pathname);
  } catch {
    return undefined;
  }
}

/** The file that a path means, if it lies in a run folder and is of a known kind. */
async function fileOf(root: string, path: string): Promise<string | undefined> {
  if (TYPES[extname(path).toLowerCase()] === undefined) return undefined;
  const runs = await findRuns(root);
  // The longest first: names may begin alike. The folder itself may be a run.
  const prefixes = runs.map(r => (r.path === '.' ? '' : `${r.path}/`)).sort((a, b) => b.length - a.length);
  const run = prefixes.find(prefix => path.startsWith(prefix));
  if (run === undefined) return undefined;
  const dir = join(root, run);
  const file = insideFolder(dir, path.slice(run.length));
  if (file === undefined) return undefined;
  try {
    const [real, home] = [await realpath(file), await realpath(dir)];
    // A link in a run folder that somebody sent leads nowhere.
    return insideFolder(home, real.slice(home.length + 1)) === real ? real : undefined;
  } catch {
    return undefined;
  }
}

function send(response: ServerResponse, status: number, type: string, body: Buffer): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    // Pages of runs come from files: they may run their own scripts, and ask nobody else for anything.
    'Content-Security-Policy':
      "default-src 'self' 'unsafe-inline' data: blob:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

function end(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) response.end();
  else send(response, status, 'text/plain; charset=utf-8', Buffer.from(`${text}\n`));
}
