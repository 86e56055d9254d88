import type { OnnxPool } from './onnx-pool.ts';
import { type Program, type ProgramKind, programKey } from './programs.ts';

/** How sessions of one kind run. */
export interface ExecutorSettings {
  readonly microBatch: number;
  readonly workers: number;
  readonly threads: number;
}

/** A session that is open in the pool under that name, and how to use it. */
export interface Prepared {
  readonly session: string;
  readonly settings: ExecutorSettings;
}

/** An open session and the program that it runs. */
export interface ProgramSession<P extends Program = Program> extends Prepared {
  readonly program: P;
}

export interface SessionParts {
  readonly pool: OnnxPool;
  /**
   * Opens a program in the pool.
   * @param kind programs of one kind cost much the same, so one sweep serves them all
   * @param graph what tables call it: `forward`, `gradient`, or the layer that it is for
   */
  prepare(program: Program, kind: ProgramKind, graph: string): Promise<Prepared>;
}

/** Sessions beside the forward and the gradient one that are kept open: each holds weights in every worker. */
const SESSIONS_KEPT = 6;

/** The sessions of a model's programs: each is opened when it is first asked for. */
export class ProgramSessions {
  readonly #parts: SessionParts;
  readonly #sessions = new Map<string, Promise<ProgramSession>>();
  /** Sessions that may be closed for others, the one used last at the end, and how many calls use each. */
  readonly #passing = new Map<string, number>();

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /** The session of that name, which stays open; one that could not be opened is tried again. */
  open<P extends Program>(key: string, make: () => P, kind: ProgramKind, graph: string): Promise<ProgramSession<P>> {
    const known = this.#sessions.get(key) as Promise<ProgramSession<P>> | undefined;
    if (known !== undefined) return known;
    const opening = (async () => {
      const program = make();
      return { program, ...(await this.#parts.prepare(program, kind, graph)) };
    })();
    this.#sessions.set(key, opening);
    opening.catch(() => this.#sessions.delete(key));
    return opening;
  }

  /** Closes a session that nothing uses. */
  async drop({ session }: ProgramSession): Promise<void> {
    for (const [key, opening] of this.#sessions) {
      if ((await opening.catch(() => undefined))?.session === session) this.#sessions.delete(key);
    }
    await this.#parts.pool.drop(session);
  }

  /**
   * Uses a session that is opened where it is not open, and that may be closed for others afterwards.
   * @param graph what tables call it
   */
  async using<P extends Program, T>(
    kind: ProgramKind,
    tensors: readonly string[],
    make: () => P,
    graph: string,
    use: (session: ProgramSession<P>) => Promise<T>,
  ): Promise<T> {
    const key = programKey(kind, tensors);
    const users = this.#passing.get(key) ?? 0;
    this.#passing.delete(key);
    this.#passing.set(key, users + 1);
    try {
      return await use(await this.open(key, make, kind, graph));
    } finally {
      this.#passing.set(key, this.#passing.get(key)! - 1);
      await this.#dropSome();
    }
  }

  /** Closes the sessions that were used longest ago. */
  async #dropSome(): Promise<void> {
    for (const [key, users] of this.#passing) {
      if (this.#passing.size <= SESSIONS_KEPT) return;
      if (users > 0) continue;
      this.#passing.delete(key);
      const opening = this.#sessions.get(key);
      this.#sessions.delete(key);
      const session = await opening?.catch(() => undefined);
      // A pool that was closed meanwhile has released them all.
      if (session) await this.#parts.pool.drop(session.session).catch(() => undefined);
    }
  }
}
