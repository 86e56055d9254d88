import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { cardJsonSchema, suiteJsonSchema } from '../../src/config/json-schema.ts';
import { repository } from './fixtures.ts';

// Renew both by: npx vitest run test/config/json-schema.test.ts -u
it.each([
  ['suite.schema.json', suiteJsonSchema(builtinRegistry())],
  ['model.schema.json', cardJsonSchema()],
])('configs/%s is current', async (file, schema) => {
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(resolve(repository, 'configs', file));
});

it('no list of allowed values is empty, which validators refuse', () => {
  expect(JSON.stringify(suiteJsonSchema(builtinRegistry()))).not.toContain('"enum":[]');
});
