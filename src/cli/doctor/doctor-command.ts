import { defineCommand } from '../shared/command.ts';

export const doctorCommand = defineCommand({
  command: 'doctor',
  describe: 'Show which engines and devices work on this machine, proven by one pass each',
  builder: cli =>
    cli.option('json', { type: 'boolean', default: false, describe: 'Prints JSON.' }).example('$0 doctor', ''),
  async handler(argv) {
    const { examine } = await import('./examine-devices.ts');
    return examine(argv);
  },
});
