import pMap, { pMapSkip } from 'p-map';

/**
 * Runs `work` over items, at most `width` at a time, in their order. After the first error no more work begins, and it
 * rejects with that error once what is under way has ended.
 */
export async function forEachConcurrently<T>(
  items: AsyncIterable<T> | Iterable<T>,
  width: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  // Ends with the first failure, so that a long data set is not read to its end.
  async function* whileSound(): AsyncIterable<T> {
    for await (const item of items) {
      if (failure) return;
      yield item;
    }
  }
  await pMap(
    whileSound(),
    async (item, index) => {
      try {
        if (!failure) await work(item, index);
      } catch (error) {
        failure ??= { error };
      }
      return pMapSkip;
    },
    { concurrency: Math.max(1, width) },
  );
  if (failure) throw failure.error;
}
