import { defineCommand } from '../shared/command.ts';

export const doctorCommand = defineCommand({
  command: 'doctor',
  describe: 'which engines and devices work here, proven by one pass each',
  builder: cli => cli.option('json', { type: 'boolean', default: false, describe: 'as JSON' }).example('$0 doctor', ''),
  async handler(argv) {
    const { examine } = await import('./examine-devices.ts');
    return examine(argv);
  },
});
