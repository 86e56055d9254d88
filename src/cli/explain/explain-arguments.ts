import type { OpenFileOptions } from '../../data/open-file.ts';
import type { Saved } from '../shared/map-formats.ts';
import type { PluginOptions } from '../shared/plugin-options.ts';

export interface ExplainArguments extends PluginOptions {
  readonly suite?: string | undefined;
  readonly sample?: string | undefined;
  readonly model?: string | undefined;
  readonly image?: string | undefined;
  readonly method?: string | undefined;
  readonly preset?: string | undefined;
  readonly baseline?: string | undefined;
  readonly target: string;
  readonly option: readonly string[];
  readonly metric: readonly string[];
  readonly rescale?: string | undefined;
  readonly spacing?: number | undefined;
  readonly bits?: number | undefined;
  readonly slice?: number | undefined;
  readonly plane?: OpenFileOptions['plane'];
  readonly use?: string | undefined;
  readonly seed: string;
  readonly device: string;
  readonly out?: string | undefined;
  readonly npy?: string | undefined;
  readonly save: readonly Saved[];
  readonly saveTo: string;
  readonly standardErrors: boolean;
  readonly listLayers: boolean;
}
