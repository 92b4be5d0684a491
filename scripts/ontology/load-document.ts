import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** The ontology document of a file: JSON, or what a module exports. What is in it is for the API to judge. */
export async function loadDocument(file: string, exported?: string): Promise<unknown> {
  if (file.endsWith('.json')) return parse(file, readFileSync(file, 'utf8'));
  const module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  if (exported !== undefined) {
    if (!Object.hasOwn(module, exported)) throw new Error(`${file} exports no ${exported}`);
    return module[exported];
  }
  if (module.default !== undefined) return module.default;
  const documents = Object.entries(module).filter(([, value]) => isDocument(value));
  const [first, ...more] = documents;
  if (first === undefined) throw new Error(`${file} exports no ontology document: an object with objectTypes`);
  if (more.length > 0) throw new Error(`${file} exports ${documents.map(([name]) => name).join(', ')}; say which with --export`);
  return first[1];
}

function isDocument(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'objectTypes');
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file} is no JSON`, { cause });
  }
}
