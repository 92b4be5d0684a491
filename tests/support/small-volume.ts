import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const againMs = 20; // What others give back meanwhile is taken as well.

/** A file system of so many mebibytes, to be filled up. It takes root and the right to mount. */
export class SmallVolume {
  readonly directory: string;
  private readonly ballast: string;
  private filling: NodeJS.Timeout | undefined;

  private constructor(directory: string) {
    this.directory = directory;
    this.ballast = join(directory, 'ballast');
  }

  /** Null where mounting is not allowed. */
  static open(mebibytes: number): SmallVolume | null {
    const directory = mkdtempSync(join(tmpdir(), 'small-volume-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0755`, 'tmpfs', directory], { stdio: 'ignore' });
      return new SmallVolume(directory);
    } catch {
      rmSync(directory, { recursive: true });
      return null;
    }
  }

  /** Not a page is left, and none that somebody gives back stays free. */
  fill(): void {
    const file = openSync(this.ballast, 'a');
    closeSync(file);
    this.takeAll();
    this.filling = setInterval(() => this.takeAll(), againMs);
  }

  giveBack(): void {
    clearInterval(this.filling);
    rmSync(this.ballast, { force: true });
  }

  close(): void {
    this.giveBack();
    execFileSync('umount', ['--lazy', this.directory]);
    rmSync(this.directory, { recursive: true, force: true });
  }

  private takeAll(): void {
    const file = openSync(this.ballast, 'a');
    try {
      for (const size of [1 << 20, 1 << 12]) while (takes(file, size));
    } finally {
      closeSync(file);
    }
  }
}

function takes(file: number, size: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(size, 1)) === size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}
