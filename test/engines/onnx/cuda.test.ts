import { afterAll, it } from 'vitest';
import { messageOf } from '../../../src/core/errors.ts';
import { onnxEngine } from '../../../src/engines/onnx/index.ts';
import { testEngine } from '../../support/test-engine.ts';
import { cardFor, images, smallNet, temporary } from './fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());

const card = cardFor(folder.write('small.onnx', smallNet({})), { classes: ['a', 'b', 'c'] });

/** Why it can't be used here; undefined where it can. */
const missing = await onnxEngine.open(card, { device: 'cuda' }).then(
  model => model.close(),
  error => messageOf(error),
);

if (missing) it.skip(`the conformance suite on CUDA (skipped: ${missing})`, () => undefined);
else {
  testEngine('a network with tanh-like curves', {
    engine: onnxEngine,
    device: 'cuda',
    workers: 1,
    card,
    images: images('small', [3, 8, 8, 1]),
  });
}
