import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { EngineStep } from './engine-step.ts';

const bootstrap = join(import.meta.dirname, '..', '..', '..', 'scripts', 'bootstrap.mjs');
const engine = join(import.meta.dirname, 'engine-process.ts');

/** The engine as a process that can be killed with kill -9; the next one is begun at once, so that whoever kills seldom waits for it. */
export class KillableEngine {
  private readonly url: string;
  private running: Promise<ChildProcess> | null = null;

  constructor(databaseUrl: string) {
    this.url = databaseUrl;
  }

  /** @returns what kills it, and the end of the step: whether it was done, or the process is gone. */
  async begin(step: EngineStep): Promise<{ kill: () => void; ended: Promise<'done' | 'gone'> }> {
    this.running ??= this.start();
    const child = await this.running;
    const done = once(child, 'message').then(() => 'done' as const);
    const gone = once(child, 'exit').then(() => 'gone' as const);
    child.send(step);
    const kill = () => {
      child.kill('SIGKILL');
      this.running = this.start();
    };
    return { kill, ended: Promise.race([done, gone]) };
  }

  async close(): Promise<void> {
    const child = await this.running;
    if (child?.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  }

  private async start(): Promise<ChildProcess> {
    const child = fork(bootstrap, [engine, this.url], { execArgv: [] });
    await once(child, 'message');
    return child;
  }
}
