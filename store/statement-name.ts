const names = new Map<string, string>();

/** A name makes PostgreSQL keep the statement parsed on its connection; the store and Prisma use a bounded number of texts. */
export function statementName(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = `s${names.size + 1}`;
    names.set(text, name);
  }
  return name;
}
