// Preloaded into a process (`NODE_OPTIONS`): each SIGUSR2 sets its clock, an hour ahead, then an hour behind, then right again, and so on, as if somebody had set the machine's.
import { isMainThread } from 'node:worker_threads';

const hourMs = 3_600_000;
const jumps = [hourMs, -hourMs, 0];
const RealDate = Date;
let offMs = 0;
let jumped = 0;

const now = () => RealDate.now() + offMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});

if (isMainThread)
  process.on('SIGUSR2', () => {
    offMs = jumps[jumped++ % jumps.length] ?? 0;
    console.log(`clock off by ${offMs} ms`);
  });
