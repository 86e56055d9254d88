import { afterAll, describe, expect, it } from 'vitest';
import type { Batch } from '../../../src/core/contracts/index.ts';
import { onnxEngine } from '../../../src/engines/onnx/index.ts';
import { openSession } from '../../../src/jobs/open-model.ts';
import { losableGpu } from '../../support/losable-gpu.ts';
import { cardFor, smallNet, temporary } from './fixtures.ts';

const gpu = losableGpu();
const folder = temporary();
afterAll(() => {
  folder.remove();
  if (typeof gpu === 'object') gpu.remove();
});

const card = cardFor(folder.write('small.onnx', smallNet({})), { classes: ['a', 'b', 'c'] });
const open = () => onnxEngine.open(card, { device: 'webgpu', microBatch: 2 });

/** Images that are the same whenever they are written. */
function batch(count: number, during?: (i: number) => void): Batch {
  return {
    count,
    write(i, out) {
      during?.(i);
      for (let k = 0; k < out.length; k++) out[k] = Math.sin(0.3 * k + i);
    },
  };
}

const title = `a GPU that is lost${typeof gpu === 'string' ? ` (skipped: ${gpu})` : ''}`;
describe.skipIf(typeof gpu === 'string')(title, () => {
  const { lose, idle, restore } = gpu as Exclude<typeof gpu, string>;

  it('is an error of the engine, in every call until the model is closed', async () => {
    const model = await open();
    const want = await model.scores(batch(4), { as: 'logit' });
    const target = { class: 0, score: 'margin' } as const;
    try {
      await expect(
        model.scores(
          batch(60, i => i === 20 && lose()),
          { as: 'logit' },
        ),
      ).rejects.toMatchObject({ code: 'ENGINE', message: expect.stringContaining('lost') });
      await expect(model.scores(batch(2), { as: 'logit' })).rejects.toMatchObject({ code: 'ENGINE' });
      await expect(model.gradients(batch(2), target, () => undefined)).rejects.toThrow(/lost/);
      await expect(open()).rejects.toMatchObject({ code: 'DEVICE' });
    } finally {
      await model.close();
      restore();
    }
    const again = await open();
    try {
      expect([...(await again.scores(batch(4), { as: 'logit' })).data]).toEqual([...want.data]);
    } finally {
      await again.close();
    }
  });

  it('is had again by a run that goes on', async () => {
    const warnings: string[] = [];
    const session = await openSession(open, message => {
      warnings.push(message);
      restore();
    });
    try {
      let attempts = 0;
      const count = 20;
      const scores = await session.run(model => {
        attempts++;
        return model.scores(
          batch(count, i => attempts === 1 && i === 10 && lose()),
          { as: 'logit' },
        );
      });
      expect(attempts).toBe(2);
      expect(scores.data.every(Number.isFinite)).toBe(true);
      expect(warnings).toHaveLength(1);
    } finally {
      restore();
      await session.close();
    }
  });

  it('ends a trace with an error, not with a part of the times', async () => {
    const model = await onnxEngine.open(card, { device: 'webgpu', microBatch: 2, trace: true });
    try {
      model.tracer!.begin('lost');
      await expect(
        model.scores(
          batch(20, i => i === 10 && lose()),
          { as: 'logit' },
        ),
      ).rejects.toMatchObject({ code: 'ENGINE' });
      await expect(model.tracer!.end()).rejects.toMatchObject({ code: 'ENGINE' });
    } finally {
      await model.close();
      restore();
    }
  });

  it('is refused where it computes nothing', async () => {
    idle();
    try {
      await expect(open()).rejects.toMatchObject({ code: 'DEVICE', message: expect.stringContaining('wrongly') });
    } finally {
      restore();
    }
    await (await open()).close();
  });
});
