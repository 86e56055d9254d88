import type { ModelCard } from '../../src/core/contracts/index.ts';

/** A card for tests of data: grey, one channel, 8 × 8, no steps, but for what is given. */
export function cardOf(
  given: {
    size?: readonly [number, number];
    channels?: 1 | 3;
    colour?: boolean;
    intensity?: Partial<ModelCard['intensity']>;
    resize?: Partial<ModelCard['resize']>;
  } = {},
): ModelCard {
  return {
    id: 'test',
    file: '/nowhere/model.onnx',
    origin: '/nowhere/model.yaml',
    format: 'onnx',
    task: 'softmax',
    emits: 'logits',
    explainAt: 'logits',
    classes: ['healthy', 'covid'],
    input: {
      size: given.size ?? [8, 8],
      channels: given.channels ?? 1,
      layout: 'NCHW',
      ...(given.colour === undefined ? {} : { colour: given.colour }),
    },
    intensity: { unit: 'grey', window: [0, 255], air: 0, steps: [], ...given.intensity },
    resize: { antialias: true, fit: 'stretch', ...given.resize },
  };
}
