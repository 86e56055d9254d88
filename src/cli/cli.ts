import yargs, { type Argv } from 'yargs';
import { packageVersion } from '../config/version.ts';
import { CtXaiError } from '../core/errors.ts';
import { baselinesCommand } from './baselines/baselines-command.ts';
import { checkCommand } from './check/check-command.ts';
import { compareCommand } from './compare/compare-command.ts';
import { convertCommand } from './convert/convert-command.ts';
import { inspectCommand, previewCommand } from './data/data-command.ts';
import { doctorCommand } from './doctor/doctor-command.ts';
import { explainCommand } from './explain/explain-command.ts';
import { exportCommand } from './export/export-command.ts';
import { initCommand } from './init/init-command.ts';
import { inspectModelCommand } from './inspect/inspect-command.ts';
import { listCommand } from './list/list-command.ts';
import { mergeCommand } from './merge/merge-command.ts';
import { phantomCommand } from './phantom/phantom-command.ts';
import { planCommand } from './plan/plan-command.ts';
import { reportCommand } from './report/report-command.ts';
import { runCommand } from './run/run-command.ts';
import type { Command } from './shared/command.ts';
import { ExitCode, printError } from './shared/output.ts';
import { timeCommand } from './time/time-command.ts';
import { trainCommand } from './train/train-command.ts';
import { viewCommand } from './view/view-command.ts';
import { workerCommand } from './worker/worker-command.ts';

/** The command line, without running it. `finish` takes the exit code of the command that ran. */
export function createCli(args: readonly string[], finish: (code: number) => void): Argv {
  const cli = yargs([...args])
    .scriptName('ct-xai')
    .usage('$0 <command>\n\nBenchmarks explainers of CT classifiers.')
    .version(packageVersion())
    .help()
    .alias({ help: 'h', version: 'V' })
    .strict()
    .recommendCommands()
    .demandCommand(1, 'Name a command.')
    .parserConfiguration({ 'duplicate-arguments-array': true })
    .completion('completion', 'print a completion script for bash or zsh')
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new CtXaiError('USAGE', message, { hint: "See 'ct-xai --help', or --help after a command." });
    });
  const add = <A>({ handler, ...command }: Command<A>, group: Argv = cli) => {
    group.command<A>({
      ...command,
      async handler(argv) {
        finish(await handler(argv));
      },
    });
  };
  add(initCommand);
  add(inspectModelCommand);
  add(runCommand);
  add(checkCommand);
  add(baselinesCommand);
  add(planCommand);
  add(explainCommand);
  add(timeCommand);
  add(trainCommand);
  add(phantomCommand);
  add(mergeCommand);
  add(workerCommand);
  add(reportCommand);
  add(viewCommand);
  add(compareCommand);
  add(convertCommand);
  add(exportCommand);
  add(listCommand);
  add(doctorCommand);
  cli.command('data <command>', 'look at data before they are used: inspect, preview', group => {
    add(inspectCommand, group);
    add(previewCommand, group);
    return group.demandCommand(1, "Name what to do with the data: 'inspect' or 'preview'.");
  });
  return cli.wrap(Math.min(110, cli.terminalWidth()));
}

/** Runs a command line. Errors are printed. @returns the exit code. */
export async function runCli(args: readonly string[]): Promise<number> {
  let code: number = ExitCode.ok;
  try {
    await createCli(args, ended => {
      code = ended;
    }).parseAsync();
  } catch (error) {
    code = printError(error);
  }
  return code;
}
