import { afterAll, beforeAll } from 'vitest';
import { openScene, type Scene } from './door-scene.ts';

/** A scene with two airports and a flight, for the tests of one file. It opens before the first test. */
export function twoAirports(): { readonly scene: Scene } {
  let opened: Scene | undefined;
  beforeAll(async () => {
    opened = await openScene();
    await opened.carry('populate', [
      { op: 'create', type: 'airport', id: 'ATL', set: { name: 'Atlanta', status: 'open' } },
      { op: 'create', type: 'airport', id: 'ORD', set: { name: "O'Hare", status: 'open' } },
      { op: 'create', type: 'flight', id: 'f1', set: { origin: 'ORD', delay: 0 } },
    ]);
  });
  afterAll(() => opened?.close());
  return {
    get scene() {
      if (opened === undefined) throw new Error('the scene opens before the first test');
      return opened;
    },
  };
}
