/**
 * Preloaded into every child process (`node --import`): when the parent is gone, also by kill -9, the channel to it closes and this process ends itself, in
 * good order first.
 */
import { spawn } from 'node:child_process';

const graceSeconds = 10;

process.on('disconnect', () => {
  // From outside, since a process that hangs while it shuts down no longer runs timers of its own.
  spawn('/bin/sh', ['-c', `sleep ${graceSeconds}; kill -9 ${process.pid}`], { detached: true, stdio: 'ignore' }).unref();
  process.kill(process.pid, 'SIGTERM');
});
process.channel?.unref(); // The channel alone must not keep the process alive.
