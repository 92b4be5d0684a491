/**
 * Preloaded into every child process (`node --import`): when the parent is gone, also by kill -9, this process ends: in good order where it still can, else by
 * SIGKILL within its grace time, also while its main thread is blocked.
 */
import { isMainThread, Worker } from 'node:worker_threads';

// Whoever started this process says so, since one that was killed before this line was reached is nobody's parent any more, and nothing would change about that.
const parent = Number(process.env.EXEQUATUR_SUPERVISOR_PID);

// `--import` is run in every thread of the process; one watch is enough, and one that started another would never end.
if (isMainThread) {
  if (process.ppid !== parent) process.exit(1);
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel?.unref(); // The channel alone must not keep the process alive.
  // A thread, since a blocked main thread is told of nothing; without the parent's loaders, which would double the time it takes to start.
  new Worker(new URL('watch-parent.mjs', import.meta.url), { execArgv: [], workerData: { parent } }).unref();
}
