import { createRng, definePlugin, defineReader, tensor } from 'ct-xai-bench';
import { z } from 'zod';

const options = z.strictObject({ patients: z.int().min(1).default(4), size: z.int().min(16).default(128) });

/** Noise in HU, with a bright square in every second patient, and the square as mask. */
const squares = defineReader({
  name: 'squares',
  title: 'Squares in noise',
  summary: 'Synthetic images for trying things out.',
  options,
  async open(given) {
    const { patients, size } = options.parse(given);
    return {
      name: 'squares',
      labels: ['covid', 'non-covid'],
      digest: `squares 1 ${patients} ${size}`, // changes when the images do
      count: patients,
      async *samples() {
        for (let p = 0; p < patients; p++) {
          const label = p % 2 === 0 ? 'covid' : 'non-covid';
          const inside = i => label === 'covid' && i % size < size / 4 && i < (size * size) / 4;
          yield {
            id: `patient-${p}`,
            patient: `patient-${p}`,
            label,
            hasMask: true,
            source: `squares, patient ${p}`,
            async load() {
              const rng = createRng(`squares ${p}`);
              const values = Float32Array.from(
                { length: size * size },
                (_, i) => -700 + 50 * rng.normal() + 600 * inside(i),
              );
              const mask = Float32Array.from(values, (_, i) => Number(inside(i)));
              const source = { pixels: tensor([size, size], values), unit: 'HU', spacing: [1, 1] };
              return { source, mask: tensor([size, size], mask) };
            },
          };
        }
      },
    };
  },
});

export default definePlugin({ name: 'squares', readers: [squares] });
