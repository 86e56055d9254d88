import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deviceNamed } from '../../../src/engines/tfjs/devices/tfjs-devices.ts';
import { type Choice, chooseAdapter } from '../../../src/engines/tfjs/devices/webgpu/adapters.ts';
import { PACKAGES } from '../../../src/engines/tfjs/devices/webgpu/start.ts';
import type { Dawn } from '../../../src/engines/tfjs/devices/webgpu/types.ts';
import { softwareGpu } from '../../support/software-gpu.ts';
import { noSoftware, onSoftware } from './gpu.ts';

/** As long as each other. */
const [OLD, NEW] = ['SwiftShader Device', 'OtherVendor Device'];

describe('the choice of a device', () => {
  it.each(['webgpu', 'cuda', 'cpu', 'wasm', 'cpu-js'])('%s is a device', name => {
    expect(deviceNamed(name)).toMatchObject({ name });
    expect(deviceNamed(name).selector).toBeUndefined();
  });

  it.each([
    ['webgpu:1', 'webgpu', '1'],
    ['webgpu:GeForce: 4090', 'webgpu', 'GeForce: 4090'],
    ['cuda:0', 'cuda', '0'],
  ])('%s is one of several', (name, kind, selector) => {
    expect(deviceNamed(name)).toMatchObject({ name: kind, selector });
  });

  it.each(['webgpu:', 'wasm:1', 'cpu:0', 'gpu', ''])("'%s' is none", name => {
    expect(() => deviceNamed(name)).toThrow(expect.objectContaining({ code: 'DEVICE' }));
  });
});

/** SwiftShader, a copy that goes by another name, and a copy that goes by the same. */
describe.skipIf(noSoftware !== undefined)(onSoftware('the choice of one GPU of several'), () => {
  const folder = mkdtempSync(join(tmpdir(), 'ct-xai-gpus-'));
  const before = process.env.VK_ICD_FILENAMES;
  let dawn: Dawn;
  let tried: PromiseSettledResult<Choice>[];
  const choose = (selector?: string): Promise<Choice> => chooseAdapter(dawn, selector);

  beforeAll(async () => {
    const icd = softwareGpu()!.split(':')[0]!;
    const about = JSON.parse(readFileSync(icd, 'utf8')) as { ICD: { library_path: string } };
    const bytes = readFileSync(join(dirname(icd), about.ICD.library_path));
    const write = (name: string): string => {
      const library = join(folder, `${name}.so`);
      writeFileSync(library, bytes);
      const file = join(folder, `${name}.json`);
      writeFileSync(file, JSON.stringify({ ...about, ICD: { ...about.ICD, library_path: library } }));
      return file;
    };
    const copied = write('copied');
    bytes.write(NEW, bytes.indexOf(OLD), 'latin1');
    process.env.VK_ICD_FILENAMES = [icd, copied, write('renamed')].join(':');
    dawn = (await import(PACKAGES[0])) as Dawn;
    tried = await Promise.allSettled(['0', '1', '2'].map(choose));
  });
  afterAll(() => {
    process.env.VK_ICD_FILENAMES = before;
    rmSync(folder, { recursive: true, force: true });
  });

  it('goes by number; of two that go by the same name it refuses the second, for Dawn would take the first', () => {
    const found = tried.map(t => (t.status === 'fulfilled' ? t.value.name.slice(0, OLD.length) : t.reason));
    expect(found.filter(name => name === OLD)).toHaveLength(1);
    expect(found.filter(name => name === NEW)).toHaveLength(1);
    const refused = found.find(name => typeof name !== 'string');
    expect(refused).toMatchObject({ code: 'DEVICE', message: expect.stringMatching(/can't tell GPU \d from GPU \d/) });
    expect(found.indexOf(OLD)).toBeLessThan(found.indexOf(refused));
  });

  it('takes the first unless told otherwise', async () => {
    const [first] = tried as [PromiseFulfilledResult<Choice>];
    expect((await choose()).name).toBe(first.value.name);
  });

  it('goes by a part of the name, in whatever case', async () => {
    for (const [part, name] of [
      ['othervendor', NEW],
      ['SWIFT', OLD],
    ] as const) {
      const { adapter, ...choice } = await choose(part);
      expect(choice.name).toContain(name);
      expect(adapter.info.isFallbackAdapter).toBe(true);
    }
  });

  it.each(['3', 'geforce', '-1'])('refuses %s, and lists what there is', async selector => {
    const message = expect.stringMatching(new RegExp(`'${selector}'.*0 '.*1 '.*2 '`));
    await expect(choose(selector)).rejects.toMatchObject({ code: 'DEVICE', message });
  });
});
