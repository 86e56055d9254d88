import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import type { Dataset, Sample } from '../../src/core/contracts/index.ts';
import { type NpyInput, writeNpy } from '../../src/core/npy.ts';
import { npy } from '../../src/data/readers/npy.ts';
import { put, temporaryFolder } from './images.ts';

const base = temporaryFolder();
const open = (options: object): Promise<Dataset> => npy.open(options, { base });

async function list(dataset: Dataset): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of dataset.samples()) samples.push(sample);
  return samples;
}

const ramp = (n: number) => Int16Array.from({ length: n }, (_, i) => i * 10 - 1000);
const npz = (arrays: Readonly<Record<string, NpyInput>>) =>
  zipSync(Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${name}.npy`, writeNpy(array)])));

it('is other data where the table says otherwise: another label, or another finding', async () => {
  put(base, 'told/one.npy', writeNpy({ shape: [2, 3], data: ramp(6) }));
  const digestOf = async (row: string, options: object = {}) => {
    put(base, 'told/t.csv', `file,label,Mass\n${row}\n`);
    return (await open({ path: 'told', index: 't.csv', ...options })).digest;
  };
  const first = await digestOf('one.npy,ill,1');
  expect(await digestOf('one.npy,ill,0')).toBe(first);
  expect(await digestOf('one.npy,well,1')).not.toBe(first);
  const findings = { findings: ['Mass'] };
  expect(await digestOf('one.npy,ill,1', findings)).not.toBe(await digestOf('one.npy,ill,0', findings));
  const dataset = await open({ path: 'told', index: 't.csv', ...findings });
  expect(dataset.findings).toEqual(['Mass']);
  expect((await list(dataset))[0]).toMatchObject({ label: 'ill', findings: { Mass: false } });
});

describe('arrays', () => {
  it('are one image, a stack, or coloured; units by type and range', async () => {
    put(base, 'plain/a/one.npy', writeNpy({ shape: [2, 3], data: ramp(6) }));
    put(base, 'plain/b/stack.npy', writeNpy({ shape: [2, 2, 3], data: ramp(12) }));
    put(base, 'plain/b/colour.npy', writeNpy({ shape: [1, 2, 3], data: Uint8Array.from([255, 0, 0, 5, 5, 5]) }));
    const samples = await list(await open({ path: 'plain' }));
    expect(samples.map(s => [s.id, s.patient, s.label])).toEqual([
      ['a/one.npy', 'a/one', 'a'],
      ['b/colour.npy', 'b/colour', 'b'],
      ['b/stack.npy/0', 'b/stack', 'b'],
      ['b/stack.npy/1', 'b/stack', 'b'],
    ]);
    const { source: last } = await samples[3]!.load();
    expect(last.unit).toBe('HU');
    expect([...last.pixels.data]).toEqual([...ramp(12).subarray(6)]);
    const { source: coloured } = await samples[1]!.load();
    expect(coloured).toMatchObject({ unit: 'grey', colour: { shape: [1, 2, 3] } });
    expect([...coloured.pixels.data]).toEqual([76, 5]);
  });

  it('of an archive may bring labels and masks; spacing and rescale are options', async () => {
    const masks = Uint8Array.from([0, 1, 0, 0, 0, 0, 7, 0]);
    const arrays = {
      x: { shape: [2, 2, 2], data: ramp(8) },
      y: { shape: [2, 1], data: Int32Array.of(0, 1) },
      m: { shape: [2, 2, 2], data: masks },
    };
    put(base, 'zip/all.npz', npz(arrays));
    const options = { path: 'zip/all.npz', masks: 'm', spacing: 0.7, unit: 'HU', rescale: { intercept: 24 } };
    const samples = await list(await open(options));
    expect(samples.map(s => [s.label, s.hasMask])).toEqual([
      ['0', true],
      ['1', true],
    ]);
    const { source, mask } = await samples[1]!.load();
    expect([...mask!.data]).toEqual([0, 0, 1, 0]);
    expect([...source.pixels.data]).toEqual([...ramp(8).subarray(4)].map(v => v + 24));
    expect(source.spacing).toEqual([0.7, 0.7]);
  });

  it('a mask with pixels that are not a number is refused', async () => {
    const masks = Float32Array.from([0, 1, 0, 0, 0, Number.NaN, 1, 0]);
    const arrays = { x: { shape: [2, 2, 2], data: ramp(8) }, m: { shape: [2, 2, 2], data: masks } };
    put(base, 'nan/all.npz', npz(arrays));
    const samples = await list(await open({ path: 'nan/all.npz', masks: 'm' }));
    expect([...(await samples[0]!.load()).mask!.data]).toEqual([0, 1, 0, 0]);
    await expect(samples[1]!.load()).rejects.toMatchObject({
      code: 'IMAGE',
      message: expect.stringMatching(/its mask has pixels that are not a number/),
    });
  });

  it('of an archive may be beside arrays of any kind; labels may be texts', async () => {
    const pair = Buffer.from(writeNpy({ shape: [2], data: Uint8Array.of(1, 2) })).toString('latin1');
    const objects = Buffer.from(pair.replace('|u1', '|O1'), 'latin1');
    const labels = Buffer.from(`${pair.slice(0, -2).replace('|u1', '|S7')}well\0\0\0ill\0\0\0\0`, 'latin1');
    const files = {
      'x.npy': writeNpy({ shape: [3], data: ramp(3) }),
      'data.npy': writeNpy({ shape: [2, 2, 2], data: ramp(8) }),
    };
    put(base, 'odd/all.npz', zipSync({ 'meta.npy': objects, 'y.npy': labels, ...files }));
    const samples = await list(await open({ path: 'odd/all.npz' }));
    expect(samples.map(s => s.label)).toEqual(['well', 'ill']);
    expect([...(await samples[1]!.load()).source.pixels.data]).toEqual([...ramp(8).subarray(4)]);
  });

  it('that can not be read are left out, each with its reason', async () => {
    put(base, 'bad/good.npy', writeNpy({ shape: [2, 2], data: ramp(4) }));
    const bad: Record<string, Uint8Array> = {
      'cut.npy': writeNpy({ shape: [2, 2], data: ramp(4) }).subarray(0, 130),
      'text.npz': Buffer.from('hello'),
      'rank.npy': writeNpy({ shape: [1, 1, 2, 1, 2], data: ramp(4) }),
      'doubt.npy': writeNpy({ shape: [2, 2], data: Float32Array.of(0, 0.5, 1, 0) }),
      'names.npz': npz({ other: { shape: [2, 2], data: ramp(4) } }),
      'labels.npz': npz({ x: { shape: [2, 2, 2], data: ramp(8) }, y: { shape: [1], data: Int32Array.of(1) } }),
    };
    for (const [name, bytes] of Object.entries(bad)) put(base, `bad/${name}`, bytes);
    writeFileSync(join(base, 'bad/x.nii'), '');
    const dataset = await open({ path: 'bad' });
    expect(dataset.count).toBe(1);
    const reasons = Object.fromEntries(dataset.leftOut!.map(f => [f.path, f.reason]));
    expect(reasons).toEqual({
      'cut.npy': expect.stringMatching(/needs 8 bytes/),
      'text.npz': expect.stringMatching(/no sound \.npz/),
      'rank.npy': expect.stringMatching(/\[1, 1, 2, 1, 2\] is none of/),
      'doubt.npy': expect.stringMatching(/may be HU or grey/),
      'names.npz': expect.stringMatching(/no array called images.*there are: other/),
      'labels.npz': expect.stringMatching(/2 images and 1 labels/),
      'x.nii': 'it is no NumPy file by its name',
    });
  });
});
