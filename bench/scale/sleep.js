// An explainer that only waits: what is left of a run's time is the queue's own.
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { defineExplainer, definePlugin, tensor } from '../../dist/index.js';

export default definePlugin({
  name: 'sleep',
  explainers: [
    defineExplainer({
      name: 'sleep',
      title: 'Sleep',
      cite: 'none',
      kind: 'ranking',
      options: z.strictObject({ ms: z.number().default(200) }),
      cost: () => ({ forward: 0, backward: 0 }),
      async explain({ image, options, rng }) {
        await setTimeout(options.ms);
        const spatial = image.shape.slice(0, -1);
        const map = tensor(spatial);
        for (let i = 0; i < map.data.length; i++) map.data[i] = rng.next();
        return { map };
      },
    }),
  ],
});
