import type { PluginOptions } from '../shared/plugin-options.ts';

export interface TimeArguments extends PluginOptions {
  readonly models: readonly string[];
  readonly methods?: readonly string[] | undefined;
  readonly devices?: readonly string[] | undefined;
  readonly data: string;
  readonly samples: number;
  readonly repeats: number;
  readonly seconds: number;
  readonly seed: string;
  readonly out?: string | undefined;
  readonly compare?: string | undefined;
}
