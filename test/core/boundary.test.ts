import { expect, test } from 'vitest';
import { parsing, parsingAsync } from '../../src/core/boundary.ts';
import { CtXaiError } from '../../src/core/errors.ts';

const boundary = { code: 'MODEL', what: 'a.onnx: it cannot be read', hint: 'Export it again.' } as const;

function thrown(error: unknown): unknown {
  try {
    parsing(boundary, () => {
      throw error;
    });
  } catch (found) {
    return found;
  }
  return undefined;
}

test.each<[string, unknown, string]>([
  ['a fault of the parser', new TypeError('x is undefined'), 'a.onnx: it cannot be read: x is undefined.'],
  [
    'endless recursion',
    new RangeError('Maximum call stack size exceeded'),
    'a.onnx: it cannot be read: it is nested too deeply.',
  ],
  [
    'a size beyond memory',
    new RangeError('Invalid typed array length: 9'),
    'a.onnx: it cannot be read: it says that it holds more than memory does.',
  ],
])('%s is said of the file', (_, error, message) => {
  expect(thrown(error)).toMatchObject({ code: 'MODEL', message, hint: 'Export it again.', cause: error });
});

test('what the parser says itself, and an interruption, pass as they are', async () => {
  const own = new CtXaiError('DATA', 'mine');
  const abort = AbortSignal.abort().reason as Error;
  expect(thrown(own)).toBe(own);
  expect(thrown(abort)).toBe(abort);
  await expect(parsingAsync(boundary, async () => Promise.reject(own))).rejects.toBe(own);
  expect(await parsingAsync(boundary, async () => 7)).toBe(7);
});
