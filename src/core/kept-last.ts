/** A function that keeps the results of the keys that were asked for last, at most so many. */
export function keptLast<K, T>(most: number, make: (key: K) => T): (key: K) => T {
  const kept = new Map<K, T>();
  return key => {
    const made = kept.has(key) ? kept.get(key)! : make(key);
    // Those used last are at the map's end.
    kept.delete(key);
    kept.set(key, made);
    if (kept.size > most) kept.delete(kept.keys().next().value!);
    return made;
  };
}
