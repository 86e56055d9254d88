import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { AttributeProto_AttributeType as A, ModelProtoSchema } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attr, constant, DType, type Graph, numbersOf } from '../../../src/engines/onnx/graph/graph.ts';
import { decodeModel, encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { readModelFile } from '../../../src/engines/onnx/load/file.ts';

type ModelInit = Parameters<typeof create<typeof ModelProtoSchema>>[1];

const opsetImport = [{ domain: '', version: 17n }];

/** Decodes a model given as protobuf fields. */
function decoded(init: ModelInit): Graph {
  return decodeModel(toBinary(ModelProtoSchema, create(ModelProtoSchema, { opsetImport, ...init })), {
    name: 'm.onnx',
  });
}

const relu = { opType: 'Relu', input: ['x'], output: ['y'] };

describe('decodeModel', () => {
  it('gives back what encodeModel wrote', () => {
    const graph: Graph = {
      opset: 17,
      nodes: [
        {
          op: 'Slice',
          domain: '',
          name: 'a',
          inputs: ['x', 'w', '', 'i'],
          outputs: ['y', ''],
          attrs: {
            axis: attr.int(-1),
            alpha: attr.float(0.5),
            mode: attr.string('linear'),
            pads: attr.ints([1, 2, 3]),
            scales: attr.floats([1.5, 2]),
            value: attr.tensor(constant.scalar(3)),
            names: { type: 'strings', value: ['a', 'b'] },
          },
        },
        { op: 'Gelu', domain: 'com.microsoft', name: 'b', inputs: ['y'], outputs: ['z'], attrs: {} },
      ],
      constants: new Map([
        ['w', constant.float([2, 2], [1, 2, 3, 4])],
        ['i', constant.int64([2], [-1, 7])],
        ['b', { dtype: DType.bool, dims: [2], data: Uint8Array.of(1, 0) }],
        ['h', { dtype: DType.float16, dims: [1], data: Uint16Array.of(0x3c00) }],
        ['d', { dtype: DType.double, dims: [1], data: Float64Array.of(Math.PI) }],
        ['u16', { dtype: DType.uint16, dims: [1], data: Uint16Array.of(65535) }],
        ['i16', { dtype: DType.int16, dims: [1], data: Int16Array.of(-2) }],
        ['u32', { dtype: DType.uint32, dims: [1], data: Uint32Array.of(2 ** 32 - 1) }],
        ['u64', { dtype: DType.uint64, dims: [1], data: BigUint64Array.of(2n ** 64n - 1n) }],
        ['u4', { dtype: DType.uint4, dims: [3], data: Uint8Array.of(0xf1, 0x08) }],
      ]),
      inputs: [{ name: 'x', dtype: DType.float, dims: [null, 3, 4, 4] }],
      outputs: [{ name: 'z', dtype: DType.float, dims: [], unshaped: true }],
    };
    expect(decodeModel(encodeModel(graph), { name: 'm.onnx' })).toEqual({ ...graph, producer: 'ct-xai-bench' });
  });

  it('reads 4-bit integers two to a byte', () => {
    const numbers = (dtype: number) => numbersOf({ dtype, dims: [3], data: Uint8Array.of(0xf1, 0x08) });
    expect(numbers(DType.uint4)).toEqual([1, 15, 8]);
    expect(numbers(DType.int4)).toEqual([1, -1, -8]);
  });

  it('reads every typed data field, and bfloat16 as float32', () => {
    const { constants } = decoded({
      graph: {
        node: [relu],
        initializer: [
          { name: 'f', dataType: 1, dims: [2n], floatData: [1.5, 2] },
          { name: 'd', dataType: 11, dims: [1n], doubleData: [0.1] },
          { name: 'i', dataType: 7, dims: [1n], int64Data: [-3n] },
          { name: 'b', dataType: 9, dims: [2n], int32Data: [1, 0] },
          { name: 'h', dataType: 10, dims: [1n], int32Data: [0x3c00] },
          { name: 'bf', dataType: 16, dims: [2n], int32Data: [0x3f80, 0xc000] },
          { name: 'none', dataType: 1, dims: [0n] },
        ],
      },
    });
    expect(constants.get('f')!.data).toEqual(Float32Array.of(1.5, 2));
    expect(constants.get('d')!.data).toEqual(Float64Array.of(0.1));
    expect(numbersOf(constants.get('i')!)).toEqual([-3]);
    expect(constants.get('b')!.data).toEqual(Uint8Array.of(1, 0));
    expect(constants.get('h')!.data).toEqual(Uint16Array.of(0x3c00));
    expect(constants.get('bf')).toEqual(constant.float([2], [1, -2]));
    expect(constants.get('none')!.data.length).toBe(0);
  });

  it('keeps the far ends of int64 in attributes', () => {
    const graph = decoded({
      graph: { node: [{ ...relu, attribute: [{ name: 'ends', type: A.INTS, ints: [2n ** 63n - 1n] }] }] },
    });
    expect(decodeModel(encodeModel(graph), { name: 'm' }).nodes[0]!.attrs['ends']).toEqual(attr.ints([2 ** 63]));
    expect(constant.ints([2 ** 63]).data).toEqual(BigInt64Array.of(2n ** 63n - 1n));
  });

  it('turns Constant nodes into constants and takes initialisers off the inputs', () => {
    const graph = decoded({
      graph: {
        node: [
          { opType: 'Constant', output: ['c'], attribute: [{ name: 'value_ints', type: A.INTS, ints: [1n, 2n] }] },
          { opType: 'Constant', output: ['s'], attribute: [{ name: 'value_float', type: A.FLOAT, f: 0.5 }] },
          relu,
        ],
        input: [{ name: 'x' }, { name: 'w' }],
        initializer: [{ name: 'w', dataType: 1, dims: [], floatData: [1] }],
      },
    });
    expect(graph.nodes.map(n => n.op)).toEqual(['Relu']);
    expect(graph.inputs.map(i => i.name)).toEqual(['x']);
    expect(graph.constants.get('c')).toEqual(constant.ints([1, 2]));
    expect(graph.constants.get('s')).toEqual(constant.scalar(0.5));
  });

  it('inlines local functions, nested ones and their attributes too', () => {
    const graph = decoded({
      graph: {
        node: [
          { opType: 'Outer', domain: 'local', name: 'n', input: ['x'], output: ['y'] },
          {
            opType: 'Inner',
            domain: 'local',
            input: ['y'],
            output: ['z'],
            attribute: [{ name: 'slope', type: A.FLOAT, f: 0.25 }],
          },
        ],
      },
      functions: [
        {
          name: 'Outer',
          domain: 'local',
          input: ['a'],
          output: ['c', 'a'],
          node: [
            { opType: 'Relu', input: ['a'], output: ['b'] },
            { opType: 'Inner', domain: 'local', input: ['b'], output: ['c'] },
          ],
        },
        {
          name: 'Inner',
          domain: 'local',
          input: ['a'],
          output: ['b'],
          attributeProto: [{ name: 'slope', type: A.FLOAT, f: 0.125 }],
          node: [
            {
              opType: 'LeakyRelu',
              input: ['a'],
              output: ['b'],
              attribute: [{ name: 'alpha', refAttrName: 'slope', type: A.FLOAT }],
            },
          ],
        },
      ],
    });
    expect(graph.nodes.map(n => [n.op, n.inputs[0], n.outputs[0], n.attrs['alpha']])).toEqual([
      ['Relu', 'x', 'n#0/b', undefined],
      ['LeakyRelu', 'n#0/b', 'y', attr.float(0.125)],
      ['LeakyRelu', 'y', 'z', attr.float(0.25)],
    ]);
    expect(new Set(graph.nodes.map(n => n.name)).size).toBe(3);
  });

  it.each<[string, () => Uint8Array, RegExp]>([
    ['text', () => Buffer.from('this is not a model at all'), /m\.onnx: not an ONNX model/],
    ['an empty file', () => new Uint8Array(), /m\.onnx: not an ONNX model/],
    ['a cut file', () => encodeModel(decoded({ graph: { node: [relu] } })).subarray(0, 20), /not an ONNX model/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeModel(bytes(), { name: 'm.onnx' })).toThrow(message);
  });

  it.each<[string, NonNullable<ModelInit>['graph'] & object, RegExp]>([
    ['string tensors', { initializer: [{ name: 's', dataType: 8 }] }, /tensor 's': tensors of type string/],
    ['sparse tensors', { sparseInitializer: [{ dims: [1n] }] }, /weights '' are sparse/],
    [
      'data that does not fit',
      { initializer: [{ name: 'w', dataType: 1, dims: [3n], floatData: [1] }] },
      /need 3 values/,
    ],
    [
      'external data without a folder',
      {
        initializer: [{ name: 'w', dataType: 1, dataLocation: 1, externalData: [{ key: 'location', value: 'w.bin' }] }],
      },
      /'w\.bin', and only bytes were given/,
    ],
  ])('refuses %s', (_, graph, message) => {
    expect(() => decoded({ graph: { node: [relu], ...graph } as never })).toThrow(message);
  });
});

describe('readModelFile', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ct-xai-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const external = (location: string, offset: string) => ({
    opsetImport,
    graph: {
      node: [relu],
      input: [{ name: 'x', type: { value: { case: 'tensorType', value: { elemType: 1 } } } }],
      initializer: [
        {
          name: 'w',
          dataType: 1,
          dims: [2n],
          dataLocation: 1,
          externalData: [
            { key: 'location', value: location },
            { key: 'offset', value: offset },
            { key: 'length', value: '8' },
          ],
        },
      ],
    },
  });
  const written = (location: string, offset: string) => {
    const file = join(folder, 'm.onnx');
    writeFileSync(file, toBinary(ModelProtoSchema, create(ModelProtoSchema, external(location, offset) as never)));
    return file;
  };

  it('reads weights from the file beside the model', () => {
    writeFileSync(join(folder, 'm.data'), new Uint8Array(Float32Array.of(9, 1.5, -2).buffer));
    expect(readModelFile(written('m.data', '4')).constants.get('w')).toMatchObject(constant.float([2], [1.5, -2]));
  });

  it.each([
    ['missing weights', 'gone.data', '0', /'gone\.data', which is not there/],
    ['weights that end early', 'm.data', '8', /the bytes 8 to 16 of 'm\.data', which has 12/],
    ['weights outside the folder', '../m.data', '0', /outside its folder/],
  ])('refuses %s', (_, location, offset, message) => {
    expect(() => readModelFile(written(location, offset))).toThrow(message);
  });

  it('says that a file is missing', () => {
    expect(() => readModelFile(join(folder, 'none.onnx'))).toThrow(/none\.onnx: there is no such file/);
  });
});
