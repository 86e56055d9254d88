import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { externalLocations } from '../../src/core/onnx-external.ts';

const folder = fileURLToPath(new URL('../golden/', import.meta.url));

const locations = (bytes: Uint8Array) => externalLocations((at, n) => bytes.subarray(at, at + n), bytes.length);

describe('files that an .onnx file names for its weights', () => {
  it('are found, whatever their name', () => {
    expect(locations(readFileSync(`${folder}cases/extdata/model.onnx`))).toEqual(['weights.bin']);
  });

  it('are none where the weights lie in the file', () => {
    expect(locations(readFileSync(`${folder}cases/plain/model.onnx`))).toEqual([]);
  });

  it('are those before the place where a file is damaged', () => {
    const whole = readFileSync(`${folder}cases/extdata/model.onnx`);
    expect(locations(whole.subarray(0, whole.length - 200))).toEqual([]);
    expect(locations(new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\n'))).toEqual([]);
    expect(locations(new Uint8Array())).toEqual([]);
  });
});
