import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { suiteJsonSchema } from '../../src/config/json-schema.ts';

const committed = resolve(import.meta.dirname, '../../configs/suite.schema.json');

it('configs/suite.schema.json is current (renew it: npx vitest run test/config/json-schema.test.ts -u)', async () => {
  const schema = suiteJsonSchema(builtinRegistry());
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(committed);
});
