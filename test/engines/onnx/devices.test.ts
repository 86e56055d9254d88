import { describe, expect, it } from 'vitest';
import { selectDevice } from '../../../src/engines/onnx/devices/onnx-devices.ts';
import { constant, GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { refusedNode } from '../../../src/engines/onnx/session/inspector.ts';
import { chooseGpu, parseGpus, shown } from '../../../src/engines/shared/nvidia.ts';

const list = parseGpus(
  '0, GPU-aaaa-1, NVIDIA A100-SXM4-40GB\n1, GPU-bbbb-2, NVIDIA GeForce RTX 3090\n2, GPU-cccc-3, NVIDIA A100-SXM4-80GB\n',
);

describe('GPUs by number and name', () => {
  it('reads what nvidia-smi lists', () => {
    expect(list).toHaveLength(3);
    expect(list[1]).toEqual({ index: 1, uuid: 'GPU-bbbb-2', name: 'NVIDIA GeForce RTX 3090' });
    expect(parseGpus('NVIDIA-SMI has failed because it could not communicate with the driver.\n')).toEqual([]);
  });

  it.each([
    [undefined, [0, 1, 2], ['40GB', '3090', '80GB']],
    ['2,0', [0, 1], ['80GB', '40GB']],
    ['GPU-bbbb', [0], ['3090']],
    ['1,-1,0', [0], ['3090']],
    ['', [], []],
  ])('counts as CUDA does with CUDA_VISIBLE_DEVICES=%s', (visible, ids, names) => {
    const gpus = shown(list, visible);
    expect(gpus.map(gpu => gpu.deviceId)).toEqual(ids);
    expect(gpus.map(gpu => gpu.name.slice(-4))).toEqual(names);
  });

  it('chooses by number, and by a part of the name', () => {
    const gpus = shown(list, undefined);
    expect(chooseGpu(gpus, '2').name).toBe('NVIDIA A100-SXM4-80GB');
    expect(chooseGpu(gpus, 'rtx').deviceId).toBe(1);
    expect(chooseGpu(gpus, 'A100').deviceId).toBe(0);
    expect(chooseGpu([], '3')).toEqual({ deviceId: 3, name: '' });
    for (const selector of ['3', 'H100', '']) {
      expect(() => chooseGpu(gpus, selector)).toThrow(expect.objectContaining({ code: 'DEVICE' }));
    }
    expect(() => chooseGpu(gpus, 'H100')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining("1 'NVIDIA") }),
    );
    expect(() => chooseGpu([], 'H100')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('cuda:NUMBER') }),
    );
  });
});

describe('selectDevice', () => {
  it('knows what it can choose', async () => {
    expect(await selectDevice('auto')).toMatchObject({ name: 'cpu', provider: 'cpu' });
    expect(await selectDevice('webgpu')).toMatchObject({ name: 'webgpu' });
    for (const name of ['abacus', 'cpu:1', 'auto:1', 'webgpu:1', 'webgpu:Radeon', 'webgpu:']) {
      await expect(selectDevice(name), name).rejects.toMatchObject({ code: 'DEVICE', hint: expect.any(String) });
    }
    await expect(selectDevice('webgpu:1')).rejects.toMatchObject({ hint: expect.stringContaining('VK_ICD_FILENAMES') });
  });
});

describe('refusedNode', () => {
  const b = new GraphBuilder({ opset: 20, taken: ['x'] });
  const y = b.op('MaxPool', ['x']);
  const graph = {
    opset: 20,
    nodes: b.nodes,
    constants: new Map([['c', constant.float([1], [0])]]),
    inputs: [],
    outputs: [],
  };
  const name = graph.nodes[0]!.name;
  const complaint = (node: string, why: string) =>
    new Error(
      `Non-zero status code returned while running MaxPool node. Name:'${node}' Status Message: pool.cc:276 ${why}`,
    );

  it('finds the node that a provider took and then had no kernel for', () => {
    expect(y).not.toBe('');
    expect(refusedNode(complaint(`${name}_token_145`, 'The Indices output is not supported yet.'), graph)).toBe(name);
    expect(refusedNode(complaint(name, 'unimplemented'), graph)).toBe(name);
  });

  it('takes nothing else for that', () => {
    expect(refusedNode(complaint(name, 'device is lost'), graph)).toBeUndefined();
    expect(refusedNode(complaint('another', 'not supported'), graph)).toBeUndefined();
    expect(refusedNode(new Error('not supported'), graph)).toBeUndefined();
  });
});
