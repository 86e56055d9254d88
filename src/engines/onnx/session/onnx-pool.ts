import type { AskedOf } from '../../shared/protocol.ts';
import { WorkerPool } from '../../shared/worker-pool.ts';
import { workerUrl } from '../../shared/worker-url.ts';
import type { ChangedScores, KeptNetworkPlan } from '../changes/kept-network.ts';
import type { Feed, OnnxProtocol, RunResult, SessionSettings } from './onnx-messages.ts';
import type { DeviceRun, Profile } from './profile.ts';
import type { SessionSource } from './session-options.ts';

/**
 * Worker threads that hold sessions of ONNX Runtime. Sessions are known by name; each worker that is to run one has its
 * own copy.
 */
export class OnnxPool {
  readonly #workers: WorkerPool<OnnxProtocol>;

  /** @param lock of a device that other pools use too */
  constructor(size: number, lock?: Int32Array, worker = workerUrl(import.meta.url, 'onnx-worker')) {
    this.#workers = new WorkerPool(size, worker, 'ONNX Runtime', lock);
  }

  /** Opens a session in the first `workers` workers, or in all. */
  async open(session: string, model: SessionSource, settings: SessionSettings, workers?: number): Promise<void> {
    await this.#workers.each('open', { session, model, settings }, workers);
  }

  /**
   * Runs a session on whichever of the first `workers` workers is free first. The feeds' buffers are given away.
   * @param label whom the time on the device belongs to
   * @param only the outputs that are wanted; default: all
   */
  run(
    session: string,
    feeds: readonly Feed[],
    workers?: number,
    label?: string,
    only?: readonly string[],
  ): Promise<RunResult> {
    return this.#workers.one('run', { session, feeds, label, only }, workers);
  }

  /** Keeps a cut network in the first `workers` workers, where its sessions are open. */
  async keep(name: string, plan: KeptNetworkPlan, workers: number): Promise<void> {
    await this.#workers.each('keep', { name, plan }, workers);
  }

  /** Scores of images that differ little from a base image. The arrays are given away. */
  changed(asked: AskedOf<OnnxProtocol, 'changed'>, workers: number): Promise<ChangedScores> {
    return this.#workers.one('changed', asked, workers);
  }

  /** Forgets a cut network. */
  async forget(name: string): Promise<void> {
    await this.#workers.each('forget', { name });
  }

  /** Releases a session with a profile in the first worker, and tells what its runs did. */
  async profile(session: string): Promise<Profile> {
    return (await this.#workers.each('profile', { session }, 1))[0]!;
  }

  /** Releases all sessions with a profile, and tells the time on the device of each label, worker by worker. */
  times(): Promise<(readonly (readonly [string, DeviceRun])[])[]> {
    return this.#workers.each('times', undefined);
  }

  /** Releases a session everywhere. */
  async drop(session: string): Promise<void> {
    await this.#workers.each('drop', { session });
  }

  /** Releases all sessions and ends the threads; what still waits is refused. */
  close(): Promise<void> {
    return this.#workers.close();
  }
}
