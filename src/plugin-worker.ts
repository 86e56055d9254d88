import { parentPort, workerData } from 'node:worker_threads';
import { builtinRegistry } from './builtin.ts';
import type { ExplainArguments } from './cli/explain/explain-arguments.ts';
import type { TimeArguments } from './cli/time/time-arguments.ts';
import { resolveElsewhere } from './config/plan-elsewhere.ts';
import { loadPlan } from './config/resolve.ts';
import { runPluginThread, type ThreadPlan } from './jobs/isolated/plugin-thread.ts';
import type { PlanSource } from './jobs/isolated/thread.ts';

/** The plan of the thread that plug-ins run in, made as the other thread made its own. */
async function planFrom(source: PlanSource): Promise<ThreadPlan> {
  switch (source.kind) {
    case 'suite':
      return loadPlan(source.file, builtinRegistry(), { env: process.env, overrides: source.overrides });
    case 'elsewhere':
      return resolveElsewhere(source.notice, source.own, builtinRegistry());
    case 'explain': {
      const { planOfImage } = await import('./cli/explain/image-plan.ts');
      return planOfImage(source.argv as ExplainArguments);
    }
    case 'time': {
      const { planToTime } = await import('./cli/time/time-plan.ts');
      return (await planToTime(source.argv as TimeArguments)).of(source.model);
    }
  }
}

await runPluginThread(parentPort!, () => planFrom(workerData as PlanSource));
