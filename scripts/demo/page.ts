/** The demo's output is a page to read: numbered headings, short sentences, tables. */
let number = 0;
const colour = process.stdout.isTTY === true && !process.env.NO_COLOR;

export function heading(title: string): void {
  number += 1;
  console.log(`\n${bold(`${number}. ${title}`)}\n`);
}

export function text(...lines: string[]): void {
  for (const line of lines) console.log(`   ${line}`.trimEnd());
}

/** The first row is the header. Numbers are set to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column]))));
  const print = (row: readonly (string | number)[]) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const [header, ...body] = rows;
  if (header) text(bold(print(header)), widths.map((length) => '─'.repeat(length)).join('  '));
  text(...body.map(print), '');
}

export function count(value: number): string {
  return value.toLocaleString('en-US');
}

export function shortDigest(digest: string | null): string {
  return digest === null ? '(none)' : `${digest.slice(0, 19)}…`;
}

export function show(value: unknown): string {
  if (value === undefined) return '(absent)';
  const written = JSON.stringify(value);
  return written.length > 60 ? `${written.slice(0, 59)}…` : written;
}

function pad(cell: string | number, length: number): string {
  return typeof cell === 'number' ? count(cell).padStart(length) : cell.padEnd(length);
}

function width(cell: string | number | undefined): number {
  return typeof cell === 'number' ? count(cell).length : (cell ?? '').length;
}

function bold(words: string): string {
  return colour ? `\u001b[1m${words}\u001b[0m` : words;
}
