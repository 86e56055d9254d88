import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createDiscretion } from '../../src/config/discretion.ts';
import { hashedPatients } from '../../src/config/hashed-patients.ts';
import type { Dataset } from '../../src/core/contracts/index.ts';
import { CtXaiError } from '../../src/core/errors.ts';

const env = new Map([
  ['TOKEN', 'hunter22'],
  ['N', '7'],
  ['HOME', homedir()],
  ['WHERE', '/data/ct'],
]);

test.each([
  ['hunter22', '${TOKEN}'],
  ['see hunter22!', 'see ${TOKEN}!'],
  ['7', '${N}'],
  ['17 of 70', '17 of 70'],
  ['/studies/a/models/m.onnx', 'models/m.onnx'],
  ['/studies/a', '.'],
  ['/studies/b/x', '../b/x'],
  [join(homedir(), 'ct'), '~/ct'],
  [`${homedir()} and hunter22`, '~ and ${TOKEN}'],
  ['/studies/a/x.png: it is no picture', 'x.png: it is no picture'],
])('%s is written as %s', (text, written) => {
  expect(createDiscretion('/studies/a', env).text(text)).toBe(written);
});

test('all texts of a value, and nothing else', () => {
  const { value } = createDiscretion('/studies/a', env);
  expect(value({ a: ['hunter22', 7, null], b: { c: true } })).toEqual({ a: ['${TOKEN}', 7, null], b: { c: true } });
});

const sample = (patient: string, id: string, fails = false) => ({
  id,
  patient,
  hasMask: false,
  source: `index.csv, line 2: ${id}`,
  load: async () => {
    if (fails) throw new CtXaiError('IMAGE', `index.csv, line 2: ${id}: it is damaged.`);
    return { source: { pixels: { shape: [1, 1], data: new Float32Array(1) }, unit: 'grey' as const } };
  },
});

const dataset: Dataset = {
  name: 'd',
  labels: [],
  digest: 'abc',
  count: 3,
  async *samples() {
    yield sample('Miller', 'a/Miller-1.png', true);
    yield sample('Miller', 'a/Miller-2.png');
    yield sample('7', 'ct/7/slice-0.7.png');
  },
};

test('patients are keyed hashes wherever their names stand', async () => {
  const hashed = hashedPatients(dataset, 'key');
  const samples = [];
  for await (const s of hashed.samples()) samples.push(s);
  const [first, second, third] = samples;
  expect(first!.patient).toMatch(/^patient-[0-9a-f]{12}$/);
  expect(second!.patient).toBe(first!.patient);
  expect(first!.id).toBe(`a/${first!.patient}-1.png`);
  expect(third!.id).toBe(`ct/${third!.patient}/slice-0.7.png`);
  expect(JSON.stringify(samples)).not.toContain('Miller');
  await expect(first!.load()).rejects.toThrow(`index.csv, line 2: a/${first!.patient}-1.png: it is damaged.`);
  expect(hashed.digest).not.toBe(dataset.digest);
  expect(hashedPatients(dataset, 'key').digest).toBe(hashed.digest);
  expect(hashedPatients(dataset, 'another').digest).not.toBe(hashed.digest);
});
