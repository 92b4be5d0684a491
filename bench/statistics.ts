/** Quantile of unsorted samples by linear interpolation; `q` between 0 and 1. NaN for no samples. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  return below === undefined || above === undefined ? Number.NaN : below + (above - below) * (position - Math.floor(position));
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** "12.3 (11.0–14.9)": the median over rounds with the least and the greatest, so that noise is seen. */
export function spread(rounds: readonly number[], digits = 1): string {
  if (rounds.length === 0) return '-';
  const show = (n: number): string => n.toFixed(digits);
  return `${show(median(rounds))} (${show(Math.min(...rounds))}–${show(Math.max(...rounds))})`;
}

/** Prints rows as columns aligned to their widest cell; the first row is the heading. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const [index, row] of rows.entries()) {
    console.log(
      `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('   ')}`,
    );
    if (index === 0) console.log(`  ${widths.map((width) => '─'.repeat(width)).join('───')}`);
  }
}
