import { explain } from './explain-job.ts';
import { scoreGroup } from './group-score-job.ts';
import type { Job } from './job.ts';
import { predict } from './predict-job.ts';
import { collectOf, score } from './score-job.ts';
import type { JobResult, Services } from './services.ts';

/**
 * Does one job. The only place where an image is loaded, a model asked, an explanation made or scored: runs, `explain`,
 * timings, budgets and workers all come here.
 *
 * Whatever a part does, the job ends as a result with a status and a reason; only an interruption and an engine that
 * can't be had again are thrown.
 */
export function execute(job: Job, services: Services): Promise<JobResult> {
  switch (job.kind) {
    case 'predict':
      return predict(job, services);
    case 'explain':
      return explain(job, services);
    case 'score':
      return score(job, services);
    case 'collect':
      return collectOf(job, services);
    case 'group-score':
      return scoreGroup(job, services);
  }
}
