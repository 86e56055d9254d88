import type { Capability, Runtime } from '../../core/contracts/index.ts';
import { printable, printableLine } from '../../core/printable.ts';
import type { Progress, RunEvent } from '../../runners/events.ts';
import { duration, shownPath } from './output.ts';

const TERMINAL_MS = 100;
const PLAIN_MS = 5000;

/** Tells a run's progress on stderr: one changing line on a terminal, else a plain line every few seconds. */
export interface ProgressLine {
  on(event: RunEvent): void;
  /** Clears the changing line. */
  end(): void;
}

export function createProgressLine(stream: NodeJS.WriteStream, now = () => performance.now()): ProgressLine {
  const terminal = stream.isTTY === true;
  let last = Number.NEGATIVE_INFINITY;
  let shown = false;
  const clear = () => {
    if (shown) stream.write('\r\u001b[K');
    shown = false;
  };
  const line = (text: string) => {
    clear();
    stream.write(`${printable(text)}\n`);
  };
  const changing = (name: string) => {
    const text = printableLine(name);
    const time = now();
    if (time - last < (terminal ? TERMINAL_MS : PLAIN_MS)) return;
    last = time;
    if (!terminal) {
      stream.write(`${text}\n`);
      return;
    }
    stream.write(`\r\u001b[K${text.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
    shown = true;
  };
  return {
    on(event) {
      switch (event.kind) {
        case 'start':
          line(`${event.images} images → ${shownPath(event.dir)}`);
          if (event.resumed) line(`resuming: ${event.rows} rows are there`);
          break;
        case 'model': {
          const { engine, engineVersion, device, workers, threads, microBatch } = event.runtime;
          line(
            `${event.model}: ${engine} ${engineVersion} on ${device}, ` +
              `${workers} × ${threads} threads, micro-batch ${microBatch}`,
          );
          if (event.runtime.note) line(`  ${event.runtime.note}`);
          for (const reason of worthSaying(event.runtime)) line(`  ${reason}`);
          break;
        }
        case 'phase':
          last = Number.NEGATIVE_INFINITY;
          if (event.variant !== undefined) line(`${event.model}: maps under other weights (${event.variant})`);
          if (event.phase === 'chance') line(chanceLine(event.model ?? ''));
          if (event.phase === 'timing') line(`${event.model}: timing, alone on the machine`);
          if (event.phase === 'budgets') line(`${event.model}: cost against quality`);
          break;
        case 'row':
          if (!event.known) changing(describe(event.row, event.progress));
          break;
        case 'timing':
          changing(`${event.model}: timed ${event.done} of at most ${event.total} explanations`);
          break;
        case 'budget':
          changing(`${event.model}: ${event.done} of ${event.total} explanations at budgets`);
          break;
        case 'worker':
          line(`worker ${event.worker} ${WORKER_STATES[event.state]}${event.reason ? `: ${event.reason}` : ''}`);
          break;
        case 'queue':
          changing(describeQueue(event));
          break;
        case 'warning':
          line(`warning: ${event.message}`);
          break;
      }
    },
    end: clear,
  };
}

/** Said before what may take minutes on scanned phantoms. */
export function chanceLine(model: string): string {
  return `${model}: measuring how large an effect is by chance, on more than a thousand placebos`;
}

/** Abilities that most models have: the others are missing in all models of an engine, which is told where it matters. */
const COMMON: readonly Capability[] = ['gradients', 'activations', 'layers', 'continuation'];

function worthSaying({ limitations = {} }: Runtime): string[] {
  return [...new Set(COMMON.flatMap(name => limitations[name] ?? []))];
}

const WORKER_STATES = { joined: 'joined', left: 'left', refused: 'does not work for this run' } as const;

type QueueEvent = Extract<RunEvent, { kind: 'queue' }>;

function describeQueue({ waiting, active, workers }: QueueEvent): string {
  if (workers === 0) return `no worker is there: start some with 'ct-xai worker ADDRESS' (${waiting} blocks wait)`;
  const doing = active.map(({ worker, what }) => `${worker}: ${what}`).join(' · ');
  return `${workers} workers, ${waiting} blocks wait${doing === '' ? '' : ` · ${doing}`}`;
}

type RowEvent = Extract<RunEvent, { kind: 'row' }>;

function describe(row: RowEvent['row'], { done, total, secondsLeft }: Progress): string {
  const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
  const what = row.kind === 'sample' ? 'prediction' : 'metric' in row ? `${row.method}: ${row.metric}` : row.method;
  const sample = 'sample' in row ? ` · ${shorten(row.sample)}` : '';
  const left = secondsLeft === undefined ? '' : ` · ${duration(secondsLeft)} left`;
  return `${done}/${total} (${percent} %)${left} · ${row.model} · ${what}${sample}`;
}

function shorten(text: string): string {
  return text.length <= 40 ? text : `…${text.slice(-39)}`;
}
