import { CtXaiError } from '../../core/errors.ts';

/** Refuses a file that takes images of neither 1 nor 3 channels. */
export function otherChannels(file: string, input: string, channels: number): CtXaiError {
  return new CtXaiError('MODEL', `${file}: its input '${input}' takes ${channels} channels.`, {
    hint: 'Networks of 1 channel (grey) or 3 channels (colour) are supported.',
  });
}
