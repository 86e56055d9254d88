import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadPlugins } from '../../src/config/plugins.ts';
import { messageOf } from '../../src/core/errors.ts';
import { put, temporaryFolder } from '../data/images.ts';
import { refusalOf, registry, repository } from './fixtures.ts';

const folder = temporaryFolder();
const define = pathToFileURL(`${repository}/src/core/define.ts`).href;
let modules = 0;

const IMPORT = `import { defineExplainer, defineMetric, definePlugin } from '${define}';\n`;
const explainer = (name: string) =>
  `defineExplainer({ name: '${name}', title: 'T', cite: 'C', kind: 'ranking', explain: async () => ({}) })`;
const metric = (name: string) =>
  `defineMetric({ name: '${name}', title: 'T', cite: 'C', category: 'complexity', better: 'lower', range: [0, 1], evaluate: async () => ({ value: 0 }) })`;

/** A module file, by its text. */
function write(text: string, name = `p${modules++}.js`): string {
  put(folder, name, text);
  return `./${name}`;
}

const load = (...sources: string[]) => loadPlugins(sources, folder, registry);
const refuse = async (...sources: string[]) => {
  const error = await refusalOf(load(...sources));
  expect(error.code).toBe('PLUGIN');
  return messageOf(error);
};

describe('a plugin', () => {
  it('adds what definePlugin was given', async () => {
    const source = write(
      `${IMPORT}export default definePlugin({ name: 'mine', explainers: [${explainer('a')}], metrics: [${metric('b')}] });`,
    );
    const loaded = await load(source);
    expect(loaded.registry.explainers.has('a') && loaded.registry.metrics.has('b')).toBe(true);
    expect(loaded.registry.plugins).toEqual(['mine']);
    expect(loaded.plugins[0]).toMatchObject({ source, digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(registry.explainers.has('a')).toBe(false);
  });

  it('may be bare explainers and metrics, by default or by name, beside helpers', async () => {
    const one = write(`${IMPORT}export default ${explainer('one')};`, 'one-plugin.js');
    const list = write(`${IMPORT}export default [${explainer('two')}, ${metric('three')}];`);
    const named = write(`${IMPORT}export const four = ${explainer('four')};\nexport const helper = () => 4;`);
    const { registry: r } = await load(one, list, named);
    for (const name of ['one', 'two', 'four']) expect(r.explainers.has(name)).toBe(true);
    expect(r.metrics.has('three')).toBe(true);
    expect(r.plugins[0]).toBe('one-plugin');
  });

  it('may be a package installed where the suite is, or above it', async () => {
    // Without an import of our own source, which is TypeScript that Node does not read from within node_modules.
    const body = (name: string) =>
      `const options = { parse: v => v, safeParse: data => ({ success: true, data }) };
       const cost = () => ({ forward: 1, backward: 0 });
       export default { name: '${name}', title: 'T', cite: 'C', kind: 'ranking', requires: [], presets: {}, options, cost, explain: async () => ({}) };`;
    put(folder, 'node_modules/plain/package.json', '{"main":"lib/main.mjs"}');
    put(folder, 'node_modules/plain/lib/main.mjs', body('from-main'));
    put(
      folder,
      'node_modules/@scope/pack/package.json',
      JSON.stringify({
        exports: {
          '.': { require: './no.cjs', import: { types: './no.d.ts', default: './yes.mjs' } },
          './sub': './sub.mjs',
        },
      }),
    );
    put(folder, 'node_modules/@scope/pack/yes.mjs', body('from-exports'));
    put(folder, 'node_modules/@scope/pack/sub.mjs', body('from-subpath'));
    const { registry: r } = await loadPlugins(
      ['plain', '@scope/pack', '@scope/pack/sub'],
      `${folder}/deep/er`,
      registry,
    );
    for (const name of ['from-main', 'from-exports', 'from-subpath']) expect(r.explainers.has(name)).toBe(true);
  });
});

describe('what is refused, naming the module', () => {
  it('a file or package that is not there, or has nothing to import', async () => {
    expect(await refuse('./none.js')).toMatch(/there is no file .*none\.js.*start from the suite/);
    expect(await refuse('no-such-package')).toMatch(
      /no package 'no-such-package' is installed.*npm install no-such-package/,
    );
    put(folder, 'node_modules/hollow/package.json', '{"exports":{"./x":"./x.js"}}');
    expect(await refuse('hollow')).toMatch(/'hollow' has no module to import/);
    expect(await refuse('hollow/y')).toMatch(/has no module to import/);
  });

  it.each([
    ['throws while it is loaded', "throw new Error('my own fault');", /fails while it is loaded: my own fault/],
    ['does not parse', 'export default {', /fails while it is loaded/],
    ['exports nothing', 'const x = 1;', /exports no plug-in\. Expected a default export made by definePlugin/],
    ['exports a number', 'export default 3;', /its export 'default' is number\. Expected/],
    [
      'exports a bare specification',
      "export default { name: 'a', explain() {} };",
      /'default' is an object with name, explain/,
    ],
    [
      'has a wrong part',
      `${IMPORT}export default definePlugin({ name: 'x', metrics: [{ name: 'y' }] });`,
      /'metrics\[0\]' is an object with name/,
    ],
    [
      'has no name',
      'export default { explainers: [], metrics: [] };',
      /'default' is an object with explainers, metrics/,
    ],
    ['has a bad specification', `${IMPORT}export default ${explainer('Not Kebab')};`, /'Not Kebab' is not kebab-case/],
    [
      'is of another API',
      `${IMPORT}export default definePlugin({ name: 'x', apiVersion: 9 });`,
      /\.js: plug-in .x. is written for plug-in API 9/,
    ],
    [
      'clashes with a built-in',
      `${IMPORT}export default ${explainer('sampler')};`,
      /\.js: explainer 'sampler' of plug-in .* clashes/,
    ],
  ])('one that %s', async (_, text, message) => {
    const source = write(text);
    const said = await refuse(source);
    expect(said).toMatch(message);
    expect(said).toContain(source.slice(2));
  });

  it('two that clash; one in TypeScript', async () => {
    const text = `${IMPORT}export default ${explainer('same')};`;
    expect(await refuse(write(text, 'first.js'), write(text, 'second.js'))).toMatch(
      /second\.js: explainer 'same' .*plug-in 'first'/,
    );
    expect(await refuse(write('export {}', 'typed.ts'))).toMatch(/typed\.ts: plugins are JavaScript modules/);
  });
});
