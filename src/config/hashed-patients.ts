import { createHmac, randomBytes } from 'node:crypto';
import { chmod, link, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Dataset, Sample } from '../core/contracts/index.ts';
import { jsonDigest } from '../core/digest.ts';
import { CtXaiError, messageOf } from '../core/errors.ts';
import { homeFolder } from '../files/home.ts';
import { isRegular, readRegular } from '../files/regular.ts';
import type { Env } from './env.ts';

/**
 * The key that patients are hashed with: CT_XAI_PATIENT_KEY, else a file in the user's configuration folder, made at
 * first use and readable by the user alone. It is never written into a run folder. Machines that do parts of one study
 * need the same key.
 * @throws CtXaiError SUITE where there is neither
 */
export async function patientKey(env: Env): Promise<string> {
  if (env.CT_XAI_PATIENT_KEY) return env.CT_XAI_PATIENT_KEY;
  const home = homeFolder();
  const folder = env.XDG_CONFIG_HOME || (home === undefined ? undefined : join(home, '.config'));
  const hint = 'Set the environment variable CT_XAI_PATIENT_KEY to a long random text, the same for all of a study.';
  if (folder === undefined)
    throw new CtXaiError('SUITE', "output.patients is 'hashed', and there is no key.", { hint });
  const path = join(folder, 'ct-xai-bench', 'patient.key');
  try {
    if (!isRegular(path)) await makeKey(path);
    return (await readRegular(path, { limit: 4096 })).toString('utf8').trim();
  } catch (cause) {
    const what = `output.patients is 'hashed', and the key ${path} can't be read or made (${messageOf(cause)}).`;
    throw new CtXaiError('SUITE', what, { hint, cause });
  }
}

/** Of several processes that make it at once, all use the first's. */
async function makeKey(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  await writeFile(temporary, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  await chmod(temporary, 0o600);
  await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await rm(temporary, { force: true });
}

/**
 * The data with patients called by keyed hashes (HMAC-SHA256, 12 hex digits). Where a patient's name stands in a
 * sample's id, its place, its exam or an error, it is replaced there too.
 */
export function hashedPatients(dataset: Dataset, key: string): Dataset {
  const hash = (text: string) => createHmac('sha256', key).update(text).digest('hex').slice(0, 12);
  return {
    ...dataset,
    // Names are part of results: random numbers are drawn by them. Another key makes another data set.
    digest: jsonDigest([dataset.digest, 'patients hashed', hash('the key itself')]),
    async *samples() {
      for await (const sample of dataset.samples()) yield hashedSample(sample, hash);
    },
  };
}

function hashedSample(sample: Sample, hash: (text: string) => string): Sample {
  const { patient } = sample;
  const name = `patient-${hash(patient)}`;
  const hide = (text: string) => hidden(text, patient, name);
  return {
    ...sample,
    id: hide(sample.id),
    patient: name,
    source: hide(sample.source),
    ...(sample.exam === undefined ? {} : { exam: hide(sample.exam) }),
    async load(signal, variant) {
      try {
        return await sample.load(signal, variant);
      } catch (error) {
        if (!(error instanceof CtXaiError)) throw error;
        const hint = error.hint === undefined ? {} : { hint: hide(error.hint) };
        throw new CtXaiError(error.code, hide(error.message), hint);
      }
    },
  };
}

/** Short names are replaced where they stand alone: '7' must not change '0.7'. */
function hidden(text: string, patient: string, name: string): string {
  if (patient.length > 3) return text.replaceAll(patient, name);
  const alone = new RegExp(`(?<![\\p{L}\\p{N}.])${escaped(patient)}(?![\\p{L}\\p{N}])`, 'gu');
  return text.replace(alone, name);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
