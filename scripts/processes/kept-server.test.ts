import { expect, it } from 'vitest';
import { keepServer, type RunningServer } from './kept-server.ts';

interface Fake extends RunningServer {
  readonly port: number;
  die(why: string): void;
}

function fakes() {
  const started: Fake[] = [];
  const start = async (former?: Fake): Promise<Fake> => {
    let die = (_why: string) => {};
    const ended = new Promise<string>((resolve) => {
      die = resolve;
    });
    const server: Fake = { port: former?.port ?? 5_000, ended, die, stop: async () => die('stopped') };
    started.push(server);
    return server;
  };
  return { started, start };
}

it('starts a server that died again, where it was, and stops the one that runs', async () => {
  const { started, start } = fakes();
  const kept = await keepServer('A fake', start);
  started[0]?.die('ended with code 137');
  await expect.poll(() => started.length).toBe(2);
  expect(started[1]?.port).toBe(5_000);
  await kept.stop();
  expect(await started[1]?.ended).toBe('stopped');
  expect(started).toHaveLength(2);
});

it('gives up on a server that dies five times within a minute', async () => {
  const { started, start } = fakes();
  const kept = await keepServer('A fake', start);
  for (let death = 1; death <= 5; death++) {
    await expect.poll(() => started.length).toBe(death);
    started.at(-1)?.die('ended with code 1');
  }
  expect(await kept.ended).toBe('ended with code 1, 5 times within a minute');
  expect(started).toHaveLength(5);
  await kept.stop();
});

it('says so when a server does not come back', async () => {
  const { started, start } = fakes();
  const kept = await keepServer<Fake>('A fake', (former) =>
    former === undefined ? start() : Promise.reject(new Error('the port is taken')),
  );
  started[0]?.die('ended by SIGKILL');
  expect(await kept.ended).toBe('ended by SIGKILL and did not come back: the port is taken');
});

it('ends a server that was being started again when it was asked to stop', async () => {
  const { started, start } = fakes();
  let goOn = () => {};
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let restarting = false;
  const kept = await keepServer<Fake>('A fake', async (former) => {
    restarting = former !== undefined;
    if (restarting) await held;
    return start(former);
  });
  started[0]?.die('ended by SIGKILL');
  await expect.poll(() => restarting).toBe(true);
  const stopped = kept.stop();
  goOn();
  await stopped;
  expect(await started[1]?.ended).toBe('stopped');
});
