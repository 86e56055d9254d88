/**
 * A worker's module that lies beside an engine's. Under a test runner the source is TypeScript, which a worker of
 * Node 20 can't load: it comes from dist/ then.
 * @param here the engine module's `import.meta.url`
 * @param name the worker module's file name without its ending
 */
export function workerUrl(here: string, name: string): URL {
  const built = here.endsWith('.ts') ? here.replace('/src/engines/', '/dist/engines/') : here;
  return new URL(`./${name}.js`, built);
}
