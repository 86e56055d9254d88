import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { npyTensor, npyTexts, readNpy, writeNpy } from '../../src/core/npy.ts';
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

  // numpy.save (2.4) of numpy.array([[[1.5, -2, 3], [4, 6, -7]], [[100, .25, 8], [9, -10, 11]]]), as the type and order say.
  it.each([
    ['<f2', 'C', '003e00c000420044004600c7405600340048804800c98049'],
    ['<f2', 'F', '003e40560044804800c00034004600c90042004800c78049'],
    ['>i2', 'C', '0001fffe000300040006fff90064000000080009fff6000b'],
    ['>i2', 'F', '0001006400040009fffe00000006fff600030008fff9000b'],
    ['<f4', 'F', '0000c03f0000c8420000804000001041000000c00000803e0000c040000020c100004040000000410000e0c000003041'],
  ])('reads %s in %s order', (type, order, values) => {
    const { shape, data } = readNpy(numpyFile(type, order === 'F', '(2, 2, 3)', values));
    const numbers = [1.5, -2, 3, 4, 6, -7, 100, 0.25, 8, 9, -10, 11];
    expect(shape).toEqual([2, 2, 3]);
    expect([...data].map(Number)).toEqual(type === '>i2' ? numbers.map(Math.trunc) : numbers);
  });

  it('reads half floats that are no ordinary numbers', () => {
    // numpy.array([numpy.inf, -numpy.inf, numpy.nan, 6e-8, -0.0], 'f2')
    const { data } = readNpy(numpyFile('<f2', false, '(5,)', '007c00fc007e01000080'));
    expect([...data].map(Number)).toEqual([Infinity, -Infinity, Number.NaN, 2 ** -24, -0]);
  });

  it('reads texts, which NumPy keeps as code points or bytes', () => {
    // numpy.array(['covid', 'é😀', '']), numpy.array([b'a', b'bc']), numpy.array(['a', 'b'], '>U2')
    const points =
      '630000006f000000760000006900000064000000e900000000f601000000000000000000000000000000000000000000000000000000000000000000';
    expect(npyTexts(numpyFile('<U5', false, '(3,)', points))).toEqual(['covid', 'é😀', '']);
    expect(npyTexts(numpyFile('|S2', false, '(2,)', '61006263'))).toEqual(['a', 'bc']);
    expect(npyTexts(numpyFile('>U2', false, '(2,)', '00000061000000000000006200000000'))).toEqual(['a', 'b']);
    expect(npyTexts(writeNpy(tensor([2])))).toBeUndefined();
    expect(() => npyTexts(numpyFile('|S2', false, '(3,)', '61006263'))).toThrow(/another length/);
  });

  it.each([
    ['text', () => Buffer.from('hello, world: not an array'), /a\.npy: not an NPY file/],
    [
      'a cut file',
      () => writeNpy(tensor([3, 2])).subarray(0, 140),
      /shape \[3, 2\] of float32 needs 24 bytes, the file has 12/,
    ],
    ['a cut header', () => writeNpy(tensor([3, 2])).subarray(0, 40), /cut off inside its header/],
    ['complex values', () => replaced(writeNpy(tensor([3, 2])), '<f4', '<c8'), /type '<c8' are not read/],
    ['an object array', () => replaced(writeNpy(tensor([3, 2])), "'<f4'", '[...]'), /header is not readable/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readNpy(bytes(), 'a.npy')).toThrow(message);
  });
});

function replaced(bytes: Uint8Array, from: string, to: string): Uint8Array {
  return Buffer.from(Buffer.from(bytes).toString('latin1').replace(from, to), 'latin1');
}

/** A file of format 1.0 as NumPy writes it. @param values in hexadecimal */
function numpyFile(descr: string, fortran: boolean, shape: string, values: string): Buffer {
  const head = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }`.padEnd(117);
  return Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'),
    Buffer.from(`${head}\n`),
    Buffer.from(values, 'hex'),
  ]);
}
