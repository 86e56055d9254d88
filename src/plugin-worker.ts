import { parentPort, workerData } from 'node:worker_threads';
import { builtinRegistry } from './builtin.ts';
import { resolveElsewhere } from './config/plan-elsewhere.ts';
import { loadPlan } from './config/resolve.ts';
import type { PluginThreadData } from './jobs/isolated/isolation.ts';
import { runPluginThread } from './jobs/isolated/plugin-thread.ts';

const { file, overrides, elsewhere } = workerData as PluginThreadData;
await runPluginThread(parentPort!, () =>
  elsewhere
    ? resolveElsewhere(elsewhere.notice, elsewhere.own, builtinRegistry())
    : loadPlan(file, builtinRegistry(), { env: process.env, overrides }),
);
