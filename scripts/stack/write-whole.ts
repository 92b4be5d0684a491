import { renameSync, writeFileSync } from 'node:fs';

/** Writes a file so that whoever reads it finds all of it or none of it, also when we are killed meanwhile. */
export function writeWhole(path: string, text: string, mode = 0o644): void {
  const unfinished = `${path}.${process.pid}.unfinished`;
  writeFileSync(unfinished, text, { mode });
  renameSync(unfinished, path);
}
