import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

const root = resolve(import.meta.dirname, '..', '..');
const bundles = new Map<string, Promise<string>>();

/**
 * A TypeScript entry point with all it imports from the checkout as one JavaScript file, made once by each process that asks: a process loads it in half the time
 * that compiling module by module as it goes would take.
 *
 * @param entry From the root of the checkout, or absolute; JavaScript is left as it is.
 * @returns The file's path.
 */
export function bundleEntry(entry: string): Promise<string> {
  const known = bundles.get(entry) ?? bundle(resolve(root, entry));
  bundles.set(entry, known);
  known.catch(() => bundles.delete(entry));
  return known;
}

async function bundle(entry: string): Promise<string> {
  if (!entry.endsWith('ts')) return entry;
  const { outputFiles } = await build({
    entryPoints: [entry],
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    sourcemap: 'inline',
    write: false,
    plugins: [keepAddresses],
    logLevel: 'silent',
  });
  const name = relative(root, entry)
    .replaceAll('..', '_')
    .replace(/\.m?ts$/, '.mjs');
  const path = join(root, '.exequatur', 'entries', name); // Within the checkout, where its packages are found.
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, outputFiles[0]?.contents ?? '');
  renameSync(unfinished, path);
  return path;
}

/** What a module finds beside itself it still finds there. */
const keepAddresses: Plugin = {
  name: 'keep-addresses',
  setup({ onLoad }) {
    onLoad({ filter: /\.m?[jt]s$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8')
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
        .replaceAll('import.meta.dirname', JSON.stringify(resolve(path, '..'))),
      loader: 'ts',
    }));
  },
};
