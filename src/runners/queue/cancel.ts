import { CtXaiError } from '../../core/errors.ts';
import { readManifest } from '../../results/manifest.ts';
import { openArrayStore } from './array-store.ts';
import { openRunQueue } from './queue-links.ts';
import { connect, disconnect, redisPlace } from './redis.ts';

/**
 * Ends a run in the queue: its blocks are removed, workers turn to other runs, and a coordinator that follows it ends
 * as if interrupted. What the run folder has stays.
 * @param files where the run's arrays are, if not in Redis
 * @returns what was done, in words.
 * @throws CtXaiError RUN_FOLDER where the folder's run went through no queue.
 */
export async function cancel(dir: string, address: string, files?: string): Promise<string> {
  const id = (await readManifest(dir))?.queue?.id;
  if (id === undefined) {
    throw new CtXaiError('RUN_FOLDER', `${dir} holds no run that went through a queue.`, {
      hint: 'Name its run folder with --out.',
    });
  }
  const place = redisPlace(address);
  const redis = await connect(place, () => {});
  const queue = await openRunQueue(id, redis, place);
  try {
    const { waiting, active } = await queue.counts();
    await queue.retire(true);
    if (files !== undefined) {
      const arrays = await openArrayStore(id, redis, files);
      await arrays.clear().finally(() => arrays.close());
    }
    return `run ${id} is cancelled: ${waiting} blocks waited, ${active} were being worked on. What ${dir} has stays.`;
  } finally {
    await queue.close();
    await disconnect(redis);
  }
}
