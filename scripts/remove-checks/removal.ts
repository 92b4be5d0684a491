import { digestOf } from '../../ontology/canonical-json.ts';

/** One check of the product, where it stands, and what stands there when it is gone. */
export interface Removal {
  lane: 'gate' | 'store' | 'door';
  /** A file of the sources, or a function of the database. */
  where: string;
  /** What is no longer asked, in the words of the source. */
  check: string;
  from: number;
  to: number;
  /** `true` or `false` for a condition, which then refuses nothing; or a statement that does nothing for one that refuses. */
  by: 'true' | 'false' | 'NULL;';
}

/** A file or a function with the checks that are in it. */
export interface Checked {
  lane: Removal['lane'];
  where: string;
  text: string;
  removals: Removal[];
}

export function nameOf({ lane, where, check }: Removal): string {
  return `${lane}  ${where}  ${check}`;
}

/** The same as long as the check and all around it in the same file or function are. */
export function keyOf(removal: Removal, text: string): string {
  return digestOf({ name: nameOf(removal), without: without(removal, text) }).slice('sha256:'.length, 23);
}

export function without({ from, to, by }: Removal, text: string): string {
  return `${text.slice(0, from)} ${by} ${text.slice(to)}`;
}

export function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= 110 ? line : `${line.slice(0, 107)}...`;
}
