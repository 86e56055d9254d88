import { CtXaiError } from '../core/errors.ts';
import { execute } from './execute.ts';
import type { Job } from './job.ts';
import type { JobResult, Services } from './services.ts';

/** The failed row of a job that is not done, with the reason: as `execute` makes it where an image can't be read. */
export function refused(job: Job, services: Services, reason: string): Promise<JobResult> {
  const refuse = async () => {
    throw new CtXaiError('QUEUE', reason);
  };
  return execute(job, { ...services, image: refuse, onModel: refuse });
}
