import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { buildGoProgram } from '../../scripts/processes/install-go-program.ts';

/** What tests/transparency-dev prints. */
export interface Found {
  size: number;
  signers: string[];
  from?: number;
  included?: number;
}

/** Runs tests/transparency-dev, which is made of the libraries of transparency-dev alone. @throws with what it says where something does not hold. */
export async function askTransparencyTool(args: readonly string[], stdin: string): Promise<Found> {
  const source = join(import.meta.dirname, '..', 'transparency-dev');
  const program = await buildGoProgram('transparency-dev', source, 'a quarter of a minute on 2 cores, once');
  return new Promise((resolve, reject) => {
    const running = execFile(program, args, { timeout: 60_000 }, (error, said, complaints) =>
      error === null ? resolve(JSON.parse(said) as Found) : reject(new Error(complaints)),
    );
    running.stdin?.end(stdin);
  });
}
