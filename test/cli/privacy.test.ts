import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, cliWorld } from './fixture.ts';

/** All that a run has written, names of files included. */
async function written(dir: string): Promise<string> {
  const out: string[] = [];
  for (const entry of await readdir(dir, { recursive: true })) {
    out.push(entry);
    const path = join(dir, entry);
    if ((await stat(path)).isFile()) out.push((await readFile(path)).toString('latin1'));
  }
  return out.join('\n');
}

const plain = { explainers: ['occlusion'], controls: [], metrics: [] };

test('values of the environment and folders above the suite are not in a run folder', async () => {
  const dir = await temporaryFolder();
  vi.stubEnv('CT_TEST_TOKEN', 'hunter22');
  try {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the suite's own words
    const suite = await cliWorld(dir, { images: 1, suite: { ...plain, description: 'by ${CT_TEST_TOKEN}' } });
    await writeFile(join(dir, 'images', 'no', 'bad.png'), 'no picture');
    expect((await cli('run', suite, '--out', join(dir, 'out'))).code).toBe(1);
    const all = await written(join(dir, 'out'));
    expect(all).not.toContain('hunter22');
    expect(all).not.toContain(dir);
    expect(all).toContain('${CT_TEST_TOKEN}');
    expect(all).toContain('model.onnx');
  } finally {
    vi.unstubAllEnvs();
  }
});

test('hashed patients: neither their names nor the key are in a run folder', async () => {
  const dir = await temporaryFolder();
  vi.stubEnv('CT_XAI_PATIENT_KEY', 'a-very-long-key');
  try {
    const data = { use: 'image-folder', path: 'images', patientPattern: '([A-Z][a-z]+)' };
    const suite = await cliWorld(dir, { images: 1, suite: { ...plain, data, output: { patients: 'hashed' } } });
    for (const label of ['no', 'yes']) {
      const folder = join(dir, 'images', label);
      await mkdir(join(folder, `Miller${label}`));
      await rename(join(folder, 'slice 0 50%.png'), join(folder, `Miller${label}`, '1.png'));
    }
    expect((await cli('run', suite, '--out', join(dir, 'out'))).code).toBe(0);
    const all = await written(join(dir, 'out'));
    expect(all).not.toMatch(/Miller|a-very-long-key/);
    expect(all).toMatch(/patient-[0-9a-f]{12}/);
  } finally {
    vi.unstubAllEnvs();
  }
});

test('hashed patients: neither exams nor subgroups of one patient are in a run folder; shared subgroups are', async () => {
  const dir = await temporaryFolder();
  vi.stubEnv('CT_XAI_PATIENT_KEY', 'a-very-long-key');
  try {
    const data = { use: 'image-folder', path: 'images', groups: ['village', 'sex'] };
    const suite = await cliWorld(dir, { images: 2, suite: { ...plain, data, output: { patients: 'hashed' } } });
    const rows = ['no', 'yes'].flatMap((label, p) =>
      [0, 1].map(i => `${label}/slice ${i} 50%.png,${label},Miller-${p}+[/]$,Oberdorf-${p},female`),
    );
    await writeFile(join(dir, 'images', 'index.csv'), ['file,label,patient,village,sex', ...rows].join('\n'));
    expect((await cli('run', suite, '--out', join(dir, 'out'))).code).toBe(0);
    const all = await written(join(dir, 'out'));
    expect(all).not.toMatch(/Miller|Oberdorf/i);
    expect(all).toMatch(/village-[0-9a-f]{12}/);
    expect(all).toContain('female');
  } finally {
    vi.unstubAllEnvs();
  }
});

test('a name taken from the environment is neither that of the default folder nor on the page', async () => {
  const dir = await temporaryFolder();
  vi.stubEnv('CT_TEST_TOKEN', 'hunter22');
  const cwd = vi.spyOn(process, 'cwd').mockReturnValue(dir);
  try {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the suite's own words
    const suite = await cliWorld(dir, { images: 1, suite: { ...plain, name: 'of-${CT_TEST_TOKEN}' } });
    expect((await cli('run', suite)).code).toBe(0);
    expect(await readdir(join(dir, 'reports'))).toEqual(['of-CT_TEST_TOKEN']);
    expect(await written(join(dir, 'reports'))).not.toContain('hunter22');
  } finally {
    cwd.mockRestore();
    vi.unstubAllEnvs();
  }
});

test('without a key of the user there is one in the configuration folder, for the user alone', async () => {
  const dir = await temporaryFolder();
  vi.stubEnv('CT_XAI_PATIENT_KEY', '');
  vi.stubEnv('XDG_CONFIG_HOME', join(dir, 'config'));
  try {
    const suite = await cliWorld(dir, { images: 1, suite: { ...plain, output: { patients: 'hashed' } } });
    expect((await cli('check', suite)).code).toBe(0);
    const path = join(dir, 'config', 'ct-xai-bench', 'patient.key');
    expect((await readFile(path, 'utf8')).trim()).toMatch(/^[0-9a-f]{64}$/);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(dir, 'config', 'ct-xai-bench'))).toEqual(['patient.key']);
  } finally {
    vi.unstubAllEnvs();
  }
});
