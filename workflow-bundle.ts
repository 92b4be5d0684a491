import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry';
import { bundleWorkflowCode, type Logger, type WorkflowBundleOption } from '@temporalio/worker';

/** The workflow code as one script for the sandbox: taken as the build left it beside this file, or made at start when running from source. */
export async function findWorkflowBundle(plugins: OpenTelemetryPlugin[], logger: Logger): Promise<WorkflowBundleOption> {
  const built = builtBundlePath(plugins.length > 0);
  return existsSync(built) ? { codePath: built } : bundleWorkflows(plugins, logger);
}

/** Where the build puts the bundle. Tracing is part of the bundle, so there is one with it and one without. */
export function builtBundlePath(traced: boolean): string {
  return fileURLToPath(new URL(`./workflow-bundle.${traced ? 'traced' : 'plain'}.js`, import.meta.url));
}

export function bundleWorkflows(plugins: OpenTelemetryPlugin[], logger: Logger): Promise<{ code: string }> {
  const workflowsPath = fileURLToPath(new URL(`./workflows/workflows${extname(import.meta.url)}`, import.meta.url));
  return bundleWorkflowCode({ workflowsPath, plugins, logger: withoutNews(logger) });
}

/** The bundler tells every module it packs; only its warnings are worth a line. */
function withoutNews(logger: Logger): Logger {
  const silent = () => {};
  return {
    log: (level, message, meta) => void ((level === 'WARN' || level === 'ERROR') && logger.log(level, message, meta)),
    trace: silent,
    debug: silent,
    info: silent,
    warn: (message, meta) => logger.warn(message, meta),
    error: (message, meta) => logger.error(message, meta),
  };
}
