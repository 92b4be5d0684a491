import { createHash, randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface Stored {
  /** Counts what was stored of this log. */
  generation: number;
  note: string;
}

const unfinishedName = /^unfinished\./;
const mostWrites = 5; // Each but the first is for another process that started in that very moment.

/**
 * The last cosigned checkpoint of each log, one file in a folder per log, under a number that rises. A file appears under its number whole and flushed or not at all,
 * whenever the process or the machine dies; and each number is given once, so that of two processes over one directory one is refused. What somebody who died left
 * unfinished goes when the next process opens the directory.
 */
export class CheckpointStore {
  private readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async open(directory: string): Promise<CheckpointStore> {
    await mkdir(directory, { recursive: true });
    await flush(dirname(directory));
    const store = new CheckpointStore(directory);
    await store.removeUnfinished();
    return store;
  }

  /** @throws when the file system does. */
  async latest(origin: string): Promise<Stored | null> {
    for (;;) {
      const generation = Math.max(0, ...(await this.generations(origin)));
      if (generation === 0) return null;
      try {
        return { generation, note: await readFile(join(this.folderOf(origin), nameOf(generation)), 'utf8') };
      } catch (error) {
        if (!isMissing(error)) throw error; // Another process has stored a later one, and removed this, since we looked.
      }
    }
  }

  /** Stores what follows `generation`. False where something else follows it already. */
  async replace(origin: string, generation: number, note: string): Promise<boolean> {
    const folder = this.folderOf(origin);
    await mkdir(folder, { recursive: true });
    if (generation === 0) await flush(this.directory);
    const next = generation + 1;
    if (!(await giveWhole(folder, nameOf(next), note))) return false;
    await flush(folder);
    // Our number may have been given and removed again since we looked; then a later one is there.
    const present = await this.generations(origin);
    if (present.some((one) => one > next)) return false;
    for (const one of present.filter((former) => former < next)) await unlink(join(folder, nameOf(one))).catch(() => {});
    return true;
  }

  /**
   * Nothing tells a file of a dead writer from that of a live one, which may be on another machine. So all go; who still lives finds its own gone before it has a number,
   * and writes it again.
   */
  private async removeUnfinished(): Promise<void> {
    const folders = (await readdir(this.directory, { withFileTypes: true })).filter((entry) => entry.isDirectory());
    for (const { name: folder } of folders) {
      const names = await readdir(join(this.directory, folder));
      for (const name of names.filter((one) => unfinishedName.test(one))) await removeIfThere(join(this.directory, folder, name));
    }
  }

  private async generations(origin: string): Promise<number[]> {
    const names = await readdir(this.folderOf(origin)).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
    return names.filter((name) => /^\d+$/.test(name)).map(Number);
  }

  private folderOf(origin: string): string {
    return join(this.directory, createHash('sha256').update(origin).digest('hex'));
  }
}

function nameOf(generation: number): string {
  return String(generation).padStart(16, '0');
}

/** The text appears under the name flushed, or not at all. False where the name is given already. */
async function giveWhole(folder: string, name: string, text: string): Promise<boolean> {
  for (let write = 1; ; write++) {
    const unfinished = join(folder, `unfinished.${randomBytes(8).toString('hex')}`);
    try {
      await writeFlushed(unfinished, text);
      await link(unfinished, join(folder, name));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      const isRemoved = isMissing(error) && (error as NodeJS.ErrnoException).syscall === 'link';
      if (!isRemoved || write === mostWrites) throw error;
    } finally {
      await unlink(unfinished).catch(() => {});
    }
  }
}

async function removeIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
}

async function writeFlushed(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A name in a folder survives a power cut once the folder is flushed too. */
async function flush(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
