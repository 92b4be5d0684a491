const names = new Map<string, string>();

/**
 * The store and Prisma use some two hundred texts, which all get a name; those that are made from definitions and filters have no end, and each that is named stays
 * in the memory of this process and of PostgreSQL on every connection.
 */
const mostNames = 1_000;

/** A name makes PostgreSQL keep the statement parsed on its connection. One text has one name, and no two have the same; empty, which means none, once there are enough. */
export function statementName(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  if (names.size >= mostNames) return '';
  const name = `s${names.size + 1}`;
  names.set(text, name);
  return name;
}
