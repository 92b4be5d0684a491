/** The thread that die-with-parent.mjs starts: once the parent is gone, it has this process killed after a grace time, whatever the main thread does. */
import { spawn } from 'node:child_process';
import { workerData } from 'node:worker_threads';

const pollMs = 1_000; // A process of the product may outlive its parent by a second; asking costs one system call.
const graceSeconds = Number(process.env.EXEQUATUR_ORPHAN_GRACE_SECONDS || 15); // As long as the supervisor gives; tests have less time.

const watching = setInterval(() => {
  if (process.ppid === workerData.parent) return;
  clearInterval(watching);
  // From outside, since a process that hangs late in its exit has stopped this thread already.
  spawn('/bin/sh', ['-c', `sleep ${graceSeconds}; kill -9 ${process.pid}`], { detached: true, stdio: 'ignore' }).unref();
  // Without this the thread would end here; it stays, so that the process is killed even where no shell could be started.
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), graceSeconds * 1_000);
}, pollMs);
