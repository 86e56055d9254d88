import { parentPort, workerData } from 'node:worker_threads';
import { builtinRegistry } from './builtin.ts';
import { loadPlan } from './config/resolve.ts';
import type { PluginThreadData } from './jobs/isolated/isolation.ts';
import { runPluginThread } from './jobs/isolated/plugin-thread.ts';

const { file, overrides } = workerData as PluginThreadData;
await runPluginThread(parentPort!, () => loadPlan(file, builtinRegistry(), { env: process.env, overrides }));
