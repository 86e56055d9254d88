import type { Capability, LayerInfo, ModelInput, Predicting, Runtime } from '../../core/contracts/index.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { Job, ModelRef } from '../job.ts';
import type { JobResult, MeasuredApart } from '../services.ts';

/** An error on its way between threads. */
export interface SentError {
  readonly message: string;
  readonly code?: ErrorCode;
  readonly hint?: string;
}

/**
 * To the thread that plug-ins run in: a job with the results that it takes (and, where it is measured, which variation
 * of its image it explains), a job whose image is to be ready, and answers to questions.
 */
export type ToWorker =
  | {
      readonly kind: 'job';
      readonly id: number;
      readonly job: Job;
      readonly results: readonly JobResult[];
      readonly variation?: number;
    }
  | { readonly kind: 'prepare'; readonly id: number; readonly job: Job }
  | { readonly kind: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: SentError };

/** What the thread says: that its plan is read, what became of a job, a question about the model, a stray error. */
export type FromWorker =
  | { readonly kind: 'ready'; readonly digest: string }
  | { readonly kind: 'lost'; readonly error: SentError }
  | ({
      readonly kind: 'done';
      readonly id: number;
      readonly result?: JobResult;
      readonly error?: SentError;
    } & Partial<MeasuredApart>)
  | { readonly kind: 'ask'; readonly id: number; readonly model: ModelRef; readonly question: Question }
  | { readonly kind: 'stray'; readonly message: string };

/** What is asked of the model: a method with plain arguments; batches are arrays. */
export interface Question {
  readonly method: 'describe' | ModelMethod;
  readonly args: readonly unknown[];
}

export type ModelMethod =
  | 'scores'
  | 'gradients'
  | 'activations'
  | 'layerGradients'
  | 'continueFrom'
  | 'biasGradients'
  | 'attention';

/** Images, or activations, one after the other. */
export interface SentBatch {
  readonly count: number;
  readonly data: Float32Array;
}

/** An opened model, as far as it is data. */
export interface Description extends Predicting {
  readonly id: string;
  readonly input: ModelInput;
  readonly classes: readonly string[];
  readonly capabilities: readonly Capability[];
  readonly runtime: Runtime;
  readonly layers: readonly LayerInfo[];
}

/** What a call came to: its result, what it handed out one by one, its notes, and the passes that it took. */
export interface Answer {
  readonly result?: unknown;
  readonly items: readonly (readonly unknown[])[];
  readonly notes: readonly string[];
  readonly forward: number;
  readonly backward: number;
}
