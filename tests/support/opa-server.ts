import { expect, vi } from 'vitest';
import { startLeashed } from '../../scripts/processes/leashed-program.ts';

/** A real OPA for one test file, in memory. @returns what ends it */
export async function startOpa(program: string, port: number): Promise<() => Promise<void>> {
  const args = ['run', '--server', '--addr', `127.0.0.1:${port}`, '--log-level', 'error'];
  const server = startLeashed({ name: 'opa', command: program, args });
  await vi.waitFor(async () => expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200), {
    timeout: 120_000, // A busy machine takes its time to start a process.
    interval: 50,
  });
  return () => server.stop();
}
