import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry';
import { bundleWorkflowCode, type Logger, type WorkflowBundleOption } from '@temporalio/worker';

const here = fileURLToPath(new URL('.', import.meta.url));
const extension = extname(import.meta.url);

/**
 * The workflow code as one script for the sandbox. A build has left it beside this file; from source it is made once for each state of the sources and kept, so that
 * a worker that is started again after a crash is not kept waiting by the bundler.
 */
export async function findWorkflowBundle(plugins: OpenTelemetryPlugin[], logger: Logger): Promise<WorkflowBundleOption> {
  const built = builtBundlePath(plugins.length > 0);
  if (existsSync(built)) return { codePath: built };
  return extension === '.ts' ? keptBundle(plugins, logger) : bundleWorkflows(plugins, logger);
}

/** Where the build puts the bundle. Tracing is part of the bundle, so there is one with it and one without. */
export function builtBundlePath(traced: boolean): string {
  return join(here, `workflow-bundle.${traced ? 'traced' : 'plain'}.js`);
}

export function bundleWorkflows(plugins: OpenTelemetryPlugin[], logger: Logger): Promise<{ code: string }> {
  const workflowsPath = join(here, 'workflows', `workflows${extension}`);
  return bundleWorkflowCode({ workflowsPath, plugins, logger: withoutNews(logger) });
}

async function keptBundle(plugins: OpenTelemetryPlugin[], logger: Logger): Promise<{ code: string }> {
  const directory = join(here, '.exequatur', 'workflow-bundles');
  const kind = plugins.length > 0 ? 'traced' : 'plain';
  const name = `${kind}-${sourcesDigest()}.js`;
  mkdirSync(directory, { recursive: true });
  if (readdirSync(directory).includes(name)) return { code: readFileSync(join(directory, name), 'utf8') };
  const { code } = await bundleWorkflows(plugins, logger);
  const unfinished = join(directory, `unfinished-${process.pid}`);
  writeFileSync(unfinished, code);
  renameSync(unfinished, join(directory, name));
  return { code };
}

/** Of all that a bundle can be made from: dependency-cruiser lets workflow code import its own folder, the ontology's and packages, nothing else. */
function sourcesDigest(): string {
  const hash = createHash('sha256');
  for (const name of ['package-lock.json', 'workflow-bundle.ts']) hash.update(readFileSync(join(here, name)));
  for (const folder of ['workflows', 'ontology']) {
    const names = readdirSync(join(here, folder), { recursive: true, encoding: 'utf8' });
    for (const name of names.filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).sort()) {
      hash.update(name).update(readFileSync(join(here, folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 16);
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
