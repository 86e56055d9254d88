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
 * The data with patients called by keyed hashes (HMAC-SHA256, 12 hex digits), and so are exams, and subgroups that only
 * one patient belongs to. Where any of these names stands in a sample's id, its place, a subgroup or an error, it is
 * replaced there too.
 */
export function hashedPatients(dataset: Dataset, key: string): Dataset {
  const hash = (text: string) => createHmac('sha256', key).update(text).digest('hex').slice(0, 12);
  let telling: Promise<ReadonlySet<string>> | undefined;
  return {
    ...dataset,
    // Names are part of results: random numbers are drawn by them. Another key makes another data set.
    digest: jsonDigest([dataset.digest, 'patients hashed', hash('the key itself')]),
    async *samples() {
      telling ??= tellingGroups(dataset);
      const groups = await telling;
      for await (const sample of dataset.samples()) yield hashedSample(sample, hash, groups);
    },
  };
}

const groupKey = (column: string, value: string) => JSON.stringify([column, value]);

/** Subgroups of a single patient: who knows the value knows the patient. */
async function tellingGroups(dataset: Dataset): Promise<ReadonlySet<string>> {
  const only = new Map<string, string | undefined>();
  for await (const { patient, groups = {} } of dataset.samples()) {
    for (const [column, value] of Object.entries(groups)) {
      const key = groupKey(column, value);
      only.set(key, !only.has(key) || only.get(key) === patient ? patient : undefined);
    }
  }
  return new Set([...only].filter(([, patient]) => patient !== undefined).map(([key]) => key));
}

function hashedSample(sample: Sample, hash: (text: string) => string, telling: ReadonlySet<string>): Sample {
  const { patient, exam, groups } = sample;
  const own = Object.entries(groups ?? {}).filter(([column, value]) => telling.has(groupKey(column, value)));
  const names: [string, string][] = [
    [patient, `patient-${hash(patient)}`],
    ...(exam === undefined || exam === patient ? [] : [[exam, `exam-${hash(exam)}`] as [string, string]]),
    ...own.map(([column, value]): [string, string] => [value, `${column}-${hash(groupKey(column, value))}`]),
  ];
  // The longest first: one may stand in another.
  names.sort(([a], [b]) => b.length - a.length);
  const hide = (text: string) => names.reduce((out, [real, name]) => hidden(out, real, name), text);
  const hiddenGroups = () =>
    Object.fromEntries(Object.entries(groups!).map(([column, value]) => [column, hide(value)]));
  return {
    ...sample,
    id: hide(sample.id),
    patient: `patient-${hash(patient)}`,
    source: hide(sample.source),
    ...(groups === undefined ? {} : { groups: hiddenGroups() }),
    ...(exam === undefined ? {} : { exam: `exam-${hash(exam)}` }),
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

/** In capitals or not. Short names are replaced where they stand alone: '7' must not change '0.7'. */
function hidden(text: string, real: string, name: string): string {
  if (real === '') return text;
  const any = escaped(real);
  const where = real.length > 3 ? any : `(?<![\\p{L}\\p{N}.])${any}(?![\\p{L}\\p{N}])`;
  return text.replace(new RegExp(where, 'giu'), name);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
