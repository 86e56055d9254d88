import { defineConfig } from 'vitest/config';

/** Checks of contracts that walk the registry, and of who imports what. */
const CONFORMANCE = ['test/conformance/**/*.test.ts', 'test/methods/conformance.test.ts', 'test/walls.test.ts'];
/** What opens models on real engines. */
const ENGINES = [
  'test/engines/**/*.test.ts',
  'test/models/**/*.test.ts',
  'test/methods/*{golden,references,gradients}*.test.ts',
  'test/methods/{propagation,spend,axioms}.test.ts',
  'test/metrics/**/golden.test.ts',
];
/** Whole runs and reports, commands, trainings, a browser. */
const END_TO_END = [
  'test/cli/**/*.test.ts',
  'test/data/real-images.test.ts',
  'test/fuzz.test.ts',
  'test/jobs/{execute,isolated}.test.ts',
  'test/reports/{analysis,verdict,html,text,browser*}.test.ts',
  'test/runners/**/*.test.ts',
  'test/training/**/*.test.ts',
  'test/readme.test.ts',
];

const project = (name: string, include: string[], exclude: string[] = [], isolate = true) => ({
  extends: true as const,
  test: { name, include, exclude, isolate },
});

export default defineConfig({
  test: {
    globalSetup: ['test/global-setup.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      // Pure code leaves nothing behind in a process, so that its files can share one.
      project('unit', ['test/**/*.test.ts'], [...CONFORMANCE, ...ENGINES, ...END_TO_END], false),
      project('conformance', CONFORMANCE),
      project('engines', ENGINES),
      project('end-to-end', END_TO_END),
    ],
  },
});
