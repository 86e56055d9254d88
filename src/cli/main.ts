#!/usr/bin/env node
import { writeSync } from 'node:fs';
import { runCli } from './cli.ts';
import { loadSlowlyWhereFilesAreFew } from './shared/few-files.ts';
import { ExitCode } from './shared/output.ts';

// Nobody may be reading any more (`| head`, a closed terminal, a full disk): a run does not depend on its output, and
// the exit code still tells how it ended.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

let ended = false;
process.on('exit', code => {
  // A plug-in that calls process.exit ends everything: no exit code of its choice makes that a success.
  if (ended || code === ExitCode.interrupted) return;
  process.exitCode = ExitCode.rowsFailed;
  try {
    writeSync(2, 'error: the process was ended before the command had finished, by a plug-in or a library.\n');
  } catch {
    // Nobody is reading.
  }
});

await loadSlowlyWhereFilesAreFew();
process.exitCode = await runCli(process.argv.slice(2));
ended = true;
