import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import type { PlannedMetric } from '../../src/config/plan.ts';
import { AUDIT_FILE, earlierAudits, metricDigest } from '../../src/config/recorded-audits.ts';
import type { ModelCard } from '../../src/core/contracts/index.ts';
import { temporaryFolder } from '../results/fixture.ts';

const metric = builtinRegistry().metrics.get('srg')!;
const planned = (options: object, id = 'srg'): PlannedMetric => ({
  ...{ id, metric, baseline: 'air' },
  options: metric.options.parse(options),
});

async function cardBeside(records: unknown): Promise<ModelCard> {
  const dir = await temporaryFolder();
  await writeFile(join(dir, AUDIT_FILE), typeof records === 'string' ? records : JSON.stringify(records));
  return { file: join(dir, 'model.onnx') } as ModelCard;
}

const patches = planned({ unit: 'patches' }, 'srg-patches');
const record = {
  metric: metricDigest({ name: 'srg', options: JSON.parse(JSON.stringify(patches.options)), baseline: 'air' }),
  ...{ model: 'm', name: 'srg', data: 'phantom v2', verdict: 'supported', patients: 60 },
};

it('finds what was found for this model and this metric with these options, and nothing else', async () => {
  const card = await cardBeside([record]);
  const all = [planned({}), patches];
  expect(await earlierAudits(card, 'm', all)).toEqual({
    'srg-patches': { verdict: 'supported', data: 'phantom v2', patients: 60 },
  });
  expect(await earlierAudits(card, 'other weights', all)).toEqual({});
  expect(await earlierAudits(await cardBeside([{ ...record, verdict: 'contradicted' }]), 'm', all)).toMatchObject({
    'srg-patches': { verdict: 'contradicted' },
  });
  expect(await earlierAudits(await cardBeside('{'), 'm', all)).toEqual({});
});
