import { afterEach, expect, it, vi } from 'vitest';
import { ExitCode, printError } from '../../src/cli/shared/output.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

it.each([
  [
    'Could not load the "sharp" module using the linux-x64 runtime\nPossible solutions: …',
    ExitCode.usage,
    'npm install --include=optional',
  ],
  ['something else', ExitCode.rowsFailed, 'This is a fault of ct-xai-bench'],
])('an error "%s" says what to do', (message, code, hint) => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(printError(new Error(message))).toBe(code);
  expect(said.mock.calls.join('')).toContain(hint);
});
