import { afterAll, describe, it } from 'vitest';
import { type EngineCheckOptions, engineChecks } from '../../src/conformance/index.ts';
import type { Engine } from '../../src/core/contracts/index.ts';

/** The conformance suite of engines, for one model on one device. */
export function testEngine(name: string, { engine, ...settings }: EngineCheckOptions & { engine: Engine }): void {
  describe(`${name} on ${engine.name}, ${settings.device}`, () => {
    const { checks, close } = engineChecks(engine, settings);
    afterAll(close);
    for (const { name: check, run } of checks) it(check, run);
  });
}
