/**
 * The `worker.js` beside an engine's module. Under a test runner the source is TypeScript, which a worker of Node 20
 * can't load: it comes from dist/ then.
 * @param here the module's `import.meta.url`
 */
export function workerUrl(here: string): URL {
  const built = here.endsWith('.ts') ? here.replace('/src/engines/', '/dist/engines/') : here;
  return new URL('./worker.js', built);
}
