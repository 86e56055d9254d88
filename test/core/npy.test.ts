import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { npyTensor, readNpy, writeNpy } from '../../src/core/npy.ts';
import { sizeOf, tensor } from '../../src/core/tensor.ts';

describe('NPY', () => {
  it('reads what it writes, whatever shape and type', () => {
    const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
    const makers = [
      Float32Array,
      Float64Array,
      Int8Array,
      Uint8Array,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
    ];
    fc.assert(
      fc.property(shapes, fc.constantFrom(...makers), (shape, Maker) => {
        const data = new Maker(sizeOf(shape)).fill(3);
        const back = readNpy(writeNpy({ shape, data }));
        expect(back.shape).toEqual(shape);
        expect(back.data).toEqual(data);
      }),
    );
  });

  it('keeps int64 and bool apart from the rest', () => {
    expect(readNpy(writeNpy({ shape: [2], data: BigInt64Array.of(1n, -5n) })).dtype).toBe('int64');
    const mask = readNpy(writeNpy({ shape: [2], data: Uint8Array.of(0, 1), dtype: 'bool' }));
    expect(mask.dtype).toBe('bool');
    expect(npyTensor(mask)).toEqual(tensor([2], Float32Array.of(0, 1)));
  });

  it('reads the very bytes that NumPy writes', () => {
    // numpy.save of numpy.array([1.5, -2], 'f4')
    const head = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }".padEnd(117);
    const bytes = Buffer.concat([
      Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'),
      Buffer.from(`${head}\n`),
      Buffer.from(Float32Array.of(1.5, -2).buffer),
    ]);
    expect(Buffer.from(writeNpy(tensor([2], Float32Array.of(1.5, -2)))).equals(bytes)).toBe(true);
    expect(readNpy(bytes)).toEqual({ shape: [2], data: Float32Array.of(1.5, -2), dtype: 'float32' });
  });

  it.each([
    ['text', () => Buffer.from('hello, world: not an array'), /a\.npy: not an NPY file/],
    [
      'a cut file',
      () => writeNpy(tensor([3, 2])).subarray(0, 140),
      /shape \[3, 2\] of float32 needs 24 bytes, the file has 12/,
    ],
    ['a cut header', () => writeNpy(tensor([3, 2])).subarray(0, 40), /cut off inside its header/],
    ['Fortran order', () => replaced(writeNpy(tensor([3, 2])), 'False', 'True '), /Fortran order/],
    ['big-endian values', () => replaced(writeNpy(tensor([3, 2])), '<f4', '>f4'), /type '>f4' are not read/],
    ['an object array', () => replaced(writeNpy(tensor([3, 2])), "'<f4'", '[...]'), /header is not readable/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readNpy(bytes(), 'a.npy')).toThrow(message);
  });
});

function replaced(bytes: Uint8Array, from: string, to: string): Uint8Array {
  return Buffer.from(Buffer.from(bytes).toString('latin1').replace(from, to), 'latin1');
}
