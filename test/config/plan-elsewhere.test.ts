import { expect, test } from 'vitest';
import { resolveElsewhere } from '../../src/config/plan-elsewhere.ts';
import { packageVersion } from '../../src/config/version.ts';
import { createRegistry } from '../../src/core/registry.ts';

const notice = {
  version: '0.0.0-other',
  planDigest: 'a'.repeat(64),
  suite: {},
  folder: '/nowhere',
  overrides: {},
  models: [{ id: 'net', digest: 'b'.repeat(64) }],
  data: 'c',
  plugins: [],
};

test('a run of another version is refused before anything of it is read', async () => {
  await expect(resolveElsewhere(notice, { plugins: [] }, createRegistry({}))).rejects.toMatchObject({
    code: 'QUEUE',
    message: `the run is of version 0.0.0-other of ct-xai-bench, and this is ${packageVersion()}.`,
    hint: expect.stringContaining('same version'),
  });
});

test('a plug-in that is not allowed here is named', async () => {
  const plugins = [{ name: 'theirs', source: './theirs.mjs', digest: 'd'.repeat(64) }];
  const own = { ...notice, version: packageVersion(), plugins };
  await expect(resolveElsewhere(own, { plugins: [] }, createRegistry({}))).rejects.toMatchObject({
    code: 'PLUGIN',
    message: expect.stringContaining("the plug-in 'theirs' (./theirs.mjs), which is not allowed here"),
  });
});
