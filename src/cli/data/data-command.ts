import type { Argv } from 'yargs';
import { defineCommand } from '../shared/command.ts';

const shared = <T>(cli: Argv<T>) =>
  cli
    .positional('path', { type: 'string', demandOption: true, describe: "a folder or file, or 'phantom'" })
    .option('use', { type: 'string', requiresArg: true, describe: 'data reader; default: what the files suggest' })
    .option('data-option', {
      type: 'string',
      array: true,
      default: [] as string[],
      describe: "key=value, an option of the reader (see 'list data'); may be repeated",
    })
    .option('plugin', { type: 'string', array: true, default: [] as string[], describe: 'with these plug-ins' });

export const inspectCommand = defineCommand({
  command: 'inspect <path>',
  describe: 'what data holds: classes, splits, patients, sizes, duplicates, masks, and what was left out',
  builder: cli =>
    shared(cli)
      .option('pixels', {
        type: 'boolean',
        default: false,
        describe: 'read every image, and look for near duplicates; default: some images',
      })
      .option('json', { type: 'boolean', default: false, describe: 'as JSON' })
      .example('$0 data inspect ./covid-ct-md', 'reads headers and a few images')
      .example('$0 data inspect ./images --pixels --json', 'reads all'),
  async handler(argv) {
    const { inspectPath } = await import('./inspect-path.ts');
    return inspectPath(argv);
  },
});

export const previewCommand = defineCommand({
  command: 'preview <path>',
  describe: 'a contact sheet of images in their window, with the outlines of masks',
  builder: cli =>
    shared(cli)
      .option('out', { type: 'string', demandOption: true, requiresArg: true, describe: 'PNG file' })
      .option('images', { type: 'number', default: 24, requiresArg: true, describe: 'how many, spread over all' })
      .option('window', {
        type: 'number',
        array: true,
        nargs: 2,
        describe: 'values shown black and white; default: -1150 350 in HU, 0 255 in grey levels',
      })
      .example('$0 data preview ./scans --out sheet.png', '')
      .example('$0 data preview ./scans --out sheet.png --window -160 240', 'soft tissue'),
  async handler(argv) {
    const { previewPath } = await import('./preview-path.ts');
    return previewPath(argv);
  },
});
