import { createReadStream, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { InferenceSession } from 'onnxruntime-node';
import type { SessionSettings } from './onnx-messages.ts';
import { added, type DeviceRun, type Profile, readProfile } from './profile.ts';
import { sessionOptions } from './session-options.ts';

/** Runs between two readings of the profile: it grows by some megabyte for each, and ONNX Runtime cuts it off in the end. */
const MOST_RUNS = 64;

type Run = InferenceSession['run'];

/** What the profiled sessions of a thread share. */
export interface ProfilingThread {
  /** By label. */
  readonly times: Map<string, DeviceRun>;
  /**
   * The only one that is open: ONNX Runtime puts WebGPU's records on the time axis of the profile that was started last,
   * whichever they are for.
   */
  active: ProfiledSession | undefined;
}

/** A session that adds up what its runs do on the device, under their labels. */
export class ProfiledSession {
  readonly #bytes: Uint8Array;
  readonly #settings: SessionSettings;
  readonly #thread: ProfilingThread;
  #open: { readonly session: InferenceSession; readonly folder: string } | undefined;
  #outputNames: readonly string[] = [];
  #labels: (string | undefined)[] = [];
  #failed = false;

  private constructor(bytes: Uint8Array, settings: SessionSettings, thread: ProfilingThread) {
    this.#bytes = bytes;
    this.#settings = settings;
    this.#thread = thread;
  }

  static async open(bytes: Uint8Array, settings: SessionSettings, thread: ProfilingThread): Promise<ProfiledSession> {
    const made = new ProfiledSession(bytes, settings, thread);
    await made.#session();
    return made;
  }

  get outputNames(): readonly string[] {
    return this.#outputNames;
  }

  async run(feeds: Parameters<Run>[0], label: string | undefined): ReturnType<Run> {
    if (this.#labels.length >= MOST_RUNS) await this.end();
    const session = await this.#session();
    try {
      const results = await session.run(feeds);
      this.#labels.push(label);
      return results;
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  /** Releases the session and reads its profile, if it is open; another run opens it again. */
  async end(): Promise<Profile | undefined> {
    if (!this.#open) return undefined;
    const { session, folder } = this.#open;
    const labels = this.#labels;
    this.#labels = [];
    this.#open = undefined;
    if (this.#thread.active === this) this.#thread.active = undefined;
    try {
      // After a run that failed ONNX Runtime may have no profile to end, and ends the process instead.
      if (!this.#failed) session.endProfiling();
      await session.release();
      if (this.#failed) throw new Error('its profile broke off with a run that failed.');
      const profile = await profileIn(folder);
      if (profile.count !== labels.length) {
        throw new Error(`its profile has ${profile.count} runs of ${labels.length}.`);
      }
      // A graph on trial has no labels: only where its operators ran matters.
      if (labels.some(label => label !== undefined)) this.#add(labels, profile.runs);
      return profile;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  #add(labels: readonly (string | undefined)[], runs: Profile['runs']): void {
    if (typeof runs === 'string') throw new Error(runs);
    const { times } = this.#thread;
    for (const [i, label] of labels.entries()) {
      if (label === undefined) continue;
      const before = times.get(label);
      times.set(label, before ? added(before, runs[i]!) : runs[i]!);
    }
  }

  async #session(): Promise<InferenceSession> {
    if (this.#open) return this.#open.session;
    await this.#thread.active?.end();
    this.#open = await opened(this.#bytes, this.#settings);
    this.#thread.active = this;
    const { session } = this.#open;
    this.#outputNames = session.outputNames;
    return session;
  }
}

async function opened(
  bytes: Uint8Array,
  settings: SessionSettings,
): Promise<{ session: InferenceSession; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'ct-xai-profile-'));
  try {
    return { session: await InferenceSession.create(bytes, sessionOptions(settings, join(folder, 'run'))), folder };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function profileIn(folder: string): Promise<Profile> {
  const [file] = readdirSync(folder);
  if (file === undefined) throw new Error('it wrote no profile.');
  return readProfile(createInterface({ input: createReadStream(join(folder, file)), crlfDelay: Infinity }));
}
