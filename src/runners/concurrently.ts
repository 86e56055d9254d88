/**
 * Runs `work` over items, at most `width` at a time, in their order. Stops taking items after the first error and
 * rejects with it once those under way have ended.
 */
export async function forEachConcurrently<T>(
  items: AsyncIterable<T>,
  width: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  let index = 0;
  let failed = false;
  let error: unknown;
  // Iterators of async generators queue concurrent calls, so items come in order.
  const worker = async (): Promise<void> => {
    while (!failed) {
      try {
        const next = await iterator.next();
        if (next.done || failed) return;
        await work(next.value, index++);
      } catch (thrown) {
        if (!failed) error = thrown;
        failed = true;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, width) }, worker));
  if (!failed) return;
  await iterator.return?.();
  throw error;
}
