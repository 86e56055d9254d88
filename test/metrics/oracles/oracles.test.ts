import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../../src/builtin.ts';
import { isUndefined, type Score, type Undefined } from '../../../src/core/contracts/index.ts';
import { axiomatic } from './axiomatic.ts';
import { faithfulness } from './faithfulness.ts';
import { localisation } from './localisation.ts';
import type { Oracles } from './oracle.ts';
import { complexity, truth } from './others.ts';
import { randomisation } from './randomisation.ts';
import { robustness } from './robustness.ts';

const { metrics } = builtinRegistry();
const oracles: Oracles = {
  ...{ ...faithfulness, ...robustness, ...randomisation, ...axiomatic },
  ...{ ...localisation, ...truth, ...complexity },
};

function numberOf(result: Score | Undefined): number {
  if (isUndefined(result)) throw new Error(`undefined: ${result.undefined}`);
  return result.value;
}

it('every metric has an oracle, and every oracle a metric', () => {
  expect(Object.keys(oracles).sort()).toEqual([...metrics.keys()].sort());
});

describe.each(Object.entries(oracles))('%s', (name, oracle) => {
  const metric = metrics.get(name)!;

  it(`is what algebra says: ${oracle.because}`, async () => {
    const value = numberOf(await oracle.right(metric));
    expect(Math.abs(value - oracle.value), `${value}, not ${oracle.value}`).toBeLessThanOrEqual(oracle.within ?? 1e-6);
  });

  it('tells a wrong answer apart, in the direction that it declares', async () => {
    const [right, wrong] = [numberOf(await oracle.right(metric)), numberOf(await oracle.wrong(metric))];
    const better = metric.better === 'higher' ? right - wrong : wrong - right;
    expect(better, `${right} for the right answer, ${wrong} for the wrong one`).toBeGreaterThan(
      Math.max(0.005, 5 * (oracle.within ?? 0)),
    );
  });
});
