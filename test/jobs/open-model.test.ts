import { expect, test } from 'vitest';
import type { Engine } from '../../src/core/contracts/index.ts';
import { CtXaiError } from '../../src/core/errors.ts';
import { openModel } from '../../src/jobs/open-model.ts';

const card = { format: 'tfjs', file: 'model.keras' } as Parameters<typeof openModel>[1]['card'];

function engine(name: string, more: Partial<Engine>): Engine {
  return { name, formats: ['tfjs'], devices: ['cpu'], probe: async () => [], ...more } as Engine;
}

function open(...engines: Engine[]) {
  const registry = { engines: new Map(engines.map(e => [e.name, e])) };
  const plan = { engine: { use: 'auto', device: 'cpu' }, registry } as unknown as Parameters<typeof openModel>[0];
  return openModel(plan, { card, id: 'mine' } as Parameters<typeof openModel>[1]);
}

test('an engine whose device is missing says why the one before it would not open the model', async () => {
  const missing = () => Promise.reject(new CtXaiError('DEVICE', "device 'cpu' is missing.", { hint: 'Install it.' }));
  const first = engine('first', { declines: async () => "layer 'odd' is not supported." });
  await expect(open(first, engine('second', { open: missing }))).rejects.toMatchObject({
    code: 'DEVICE',
    message:
      "model 'mine': engine 'second' stands in, since layer 'odd' is not supported; but device 'cpu' is missing.",
    hint: 'Install it.',
  });
  // Without one before it, its own message stands.
  await expect(open(engine('second', { open: missing }))).rejects.toMatchObject({
    message: "device 'cpu' is missing.",
  });
});
