import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RegisteredFunction } from '../ontology/ontology-function.ts';

/** The functions registered for function rules: what the module named in the configuration exports as `functions`. API and worker MUST load the same module. */
export async function loadFunctions(path: string | undefined): Promise<readonly RegisteredFunction[]> {
  if (path === undefined) return [];
  const loaded: { functions?: unknown } = await import(pathToFileURL(resolve(path)).href);
  if (!Array.isArray(loaded.functions)) throw new Error(`${path} does not export an array named functions`);
  return loaded.functions as readonly RegisteredFunction[];
}
