import type { Runtime } from '../core/contracts/index.ts';
import type { Row } from '../results/rows.ts';

/** What a run tells while it runs. */
export type RunEvent =
  | {
      readonly kind: 'start';
      readonly dir: string;
      /** Rows that an earlier start left. */
      readonly rows: number;
      readonly resumed: boolean;
      readonly images: number;
    }
  | { readonly kind: 'model'; readonly model: string; readonly runtime: Runtime }
  | {
      readonly kind: 'row';
      readonly row: Row;
      /** An earlier start did it. */
      readonly known: boolean;
      readonly progress: Progress;
    }
  | {
      readonly kind: 'phase';
      readonly phase: 'explain' | 'chance' | 'timing' | 'budgets' | 'tables';
      readonly model?: string;
      /** The weights, where they are not the original's. */
      readonly variant?: string;
    }
  | { readonly kind: 'timing'; readonly model: string; readonly done: number; readonly total: number }
  | { readonly kind: 'budget'; readonly model: string; readonly done: number; readonly total: number }
  | {
      /** A worker of the queue came, went, or does not work for this run. */
      readonly kind: 'worker';
      readonly worker: string;
      readonly state: 'joined' | 'left' | 'refused';
      readonly reason?: string;
    }
  | {
      /** How far the queue is. */
      readonly kind: 'queue';
      readonly waiting: number;
      /** Who does what. */
      readonly active: readonly { readonly worker: string; readonly what: string }[];
      readonly workers: number;
    }
  | { readonly kind: 'warning'; readonly message: string };

export interface Progress {
  /** Units of work: predictions, maps, scores; not timings. */
  readonly done: number;
  readonly total: number;
  /** By the passes that units demand; undefined until enough was seen. */
  readonly secondsLeft?: number;
}

export type Listener = (event: RunEvent) => void;
