import { describe, expect, it } from 'vitest';
import { added, type DeviceRun, readProfile } from '../../../src/engines/onnx/session/profile.ts';

type Row = [cat: string, name: string, ts: number, dur: number, args?: object];

/** A profile as ONNX Runtime writes it. */
function profileOf(...rows: readonly Row[]): string[] {
  const lines = rows.map(([cat, name, ts, dur, args = {}]) => {
    return `{"cat" : "${cat}","pid" :1,"tid" :1,"dur" :${dur},"ts" :${ts},"ph" : "X","name" :"${name}","args" : ${JSON.stringify(args)}},`;
  });
  return ['[', ...lines, ']'];
}

const node = (op: string, provider: string) => ({ op_name: op, provider });

describe('readProfile on CUDA', () => {
  // Two streams overlap in the first run; Node records are the host's time, and longer.
  const cuda = profileOf(
    ['Session', 'model_loading_array', 0, 50],
    ['Session', 'session_initialization', 60, 900],
    ['Node', 'MemcpyFromHost_kernel_time', 1010, 5, node('MemcpyFromHost', 'CUDAExecutionProvider')],
    ['Node', 'conv_kernel_time', 1020, 700, node('Conv', 'CUDAExecutionProvider')],
    ['Node', 'shape_kernel_time', 1730, 2, node('Shape', 'CPUExecutionProvider')],
    ['Session', 'SequentialExecutor::Execute', 1001, 980],
    ['Session', 'model_run', 1000, 1000],
    ['Node', 'conv_kernel_time', 3020, 700, node('Conv', 'CUDAExecutionProvider')],
    ['Session', 'model_run', 3000, 1000],
    ['Kernel', 'MemcpyHostToDevice', 500, 300, { stream: '7' }],
    ['Kernel', 'MemcpyHostToDevice', 1040, 60, { stream: '7' }],
    ['Kernel', 'void cudnn::winograd', 1100, 400, { stream: '7' }],
    ['Kernel', 'relu', 1300, 400, { stream: '8' }],
    ['Kernel', 'MemcpyDeviceToHost', 1800, 40, { stream: '7' }],
    ['Kernel', 'void cudnn::winograd', 3100, 250, { stream: '7' }],
    ['Kernel', 'relu', 3500, 50, { stream: '7' }],
  );

  it('takes kernels alone: union, sum and copies of each run', async () => {
    const { runs } = await readProfile(cuda);
    expect(runs).toEqual([
      { unionMs: 0.6, sumMs: 0.8, kernels: 2, transferMs: 0.1 },
      { unionMs: 0.3, sumMs: 0.3, kernels: 2 },
    ]);
    const [first, second] = runs as DeviceRun[];
    expect(added(first!, second!)).toEqual({
      unionMs: expect.closeTo(0.9),
      sumMs: expect.closeTo(1.1),
      kernels: 4,
      transferMs: 0.1,
    });
  });

  it('tells where the operators of a run were, copies left out', async () => {
    expect((await readProfile(cuda)).nodes).toEqual([
      { op: 'Conv', provider: 'CUDAExecutionProvider' },
      { op: 'Shape', provider: 'CPUExecutionProvider' },
    ]);
  });
});

describe('readProfile on WebGPU', () => {
  const run: Row = ['Session', 'model_run', 100, 1000];

  it('takes the timestamp queries', async () => {
    const profile = await readProfile(
      profileOf(
        run,
        ['Session', 'model_run', 2000, 500],
        ['Api', 'b&Relu&Relu', 2100, 7],
        ['Api', 'a&Conv&Conv', 200, 20],
      ),
    );
    expect(profile.runs).toEqual([
      { unionMs: 0.02, sumMs: 0.02, kernels: 1 },
      { unionMs: 0.007, sumMs: 0.007, kernels: 1 },
    ]);
  });

  it.each([
    ['before the first run', 20],
    ['between runs', 1500],
    ['over the end of a run', 1095],
  ])('tells no times of work %s, but where operators ran', async (_, ts) => {
    const rows = profileOf(run, ['Session', 'model_run', 5000, 100], ['Api', 'a', ts, 1100]);
    const profile = await readProfile(rows);
    expect(profile.runs).toMatch('outside of its runs');
    expect(profile).toMatchObject({ count: 2, clocked: true });
  });

  it('refuses what is no profile', async () => {
    await expect(readProfile(['[', '{"cat" : "Session", "na'])).rejects.toThrow();
  });

  it('has nothing where nothing ran', async () => {
    expect(await readProfile(profileOf())).toEqual({ count: 0, clocked: false, runs: [], nodes: [] });
    expect((await readProfile(profileOf(run))).runs).toEqual([{ unionMs: 0, sumMs: 0, kernels: 0 }]);
  });
});
