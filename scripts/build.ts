/** Emits dist/ for the container: the product as JavaScript, its migrations, and its workflows as bundles that workers load instead of compiling. */
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { DefaultLogger } from '@temporalio/worker';
import { run, withProgress } from './bootstrap/progress.mjs';

rmSync('dist', { recursive: true, force: true });
await withProgress('compiling TypeScript', () => run('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json']));
cpSync('prisma/migrations', 'dist/prisma/migrations', { recursive: true });
await withProgress('bundling the workflows', bundleWorkflows);

/** With the compiled code itself, so that the bundle holds what the worker beside it was compiled from. */
async function bundleWorkflows(): Promise<void> {
  const compiled = (path: string) => pathToFileURL(`dist/${path}`).href;
  const bundler: typeof import('../workflow-bundle.ts') = await import(compiled('workflow-bundle.js'));
  const tracing: typeof import('../telemetry/tracing.ts') = await import(compiled('telemetry/tracing.js'));
  const logger = new DefaultLogger('WARN');
  const traced = tracing.startTracing('build', 'http://127.0.0.1:9'); // Nothing is sent; its plug-in is what belongs into the bundle.
  for (const plugins of [[], traced.plugins]) {
    const { code } = await bundler.bundleWorkflows(plugins, logger);
    writeFileSync(bundler.builtBundlePath(plugins.length > 0), code);
  }
  await traced.stop();
}
