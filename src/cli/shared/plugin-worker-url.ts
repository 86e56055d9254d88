/**
 * The module of the thread that plug-ins run in. Under a test runner this module is TypeScript, which a thread of Node 20
 * can't load: dist/ has it built.
 */
export function pluginWorkerUrl(): URL {
  const here = import.meta.url;
  return new URL('../../plugin-worker.js', here.endsWith('.ts') ? here.replace('/src/cli/', '/dist/cli/') : here);
}
