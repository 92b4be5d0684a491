/** One check of the product, and how to take it away. */
export interface Removal {
  lane: 'gate' | 'store' | 'door';
  /** A file of the sources, or a function of the database. */
  where: string;
  /** What is no longer asked, in the words of the source. */
  check: string;
  /** The text of the file or the function without it. */
  without: string;
  /** What tests that know of it are likely to name: for the order in which they are run. */
  hints: readonly string[];
}

export function nameOf({ lane, where, check }: Removal): string {
  return `${lane}  ${where}  ${check}`;
}

export function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= 110 ? line : `${line.slice(0, 107)}...`;
}
