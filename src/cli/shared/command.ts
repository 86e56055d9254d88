import type { ArgumentsCamelCase, Argv } from 'yargs';

/** A command of the command line. What it needs is imported when it runs, so that --help stays quick. */
export interface Command<A> {
  readonly command: string;
  readonly describe: string;
  readonly builder: (cli: Argv) => Argv<A>;
  /** @returns the exit code */
  readonly handler: (argv: ArgumentsCamelCase<A>) => Promise<number>;
}

export function defineCommand<A>(command: Command<A>): Command<A> {
  return command;
}
