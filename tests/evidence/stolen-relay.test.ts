// What whoever has the relay's login can store of a log, each next to the call that the relay makes; on a clone from tests/support/database.ts.
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkpointText, signNote } from '../../audit/signed-note.ts';
import { sealLogs } from '../../events/seal-logs.ts';
import { openPool } from '../../store/connect.ts';
import { thinCheckpoints } from '../../store/cosignatures.ts';
import { withTenant } from '../../store/sql.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { type Fixture, openFixture } from '../store/fixture.ts';
import { newSigner } from './evidence-scene.ts';

let fixture: Fixture;
let relay: pg.Pool;
let superuser: pg.Pool;
let tenant: string;
const signer = newSigner();
beforeAll(async () => {
  fixture = await openFixture();
  relay = openPool(fixture.database.urls.relay);
  superuser = openPool(fixture.database.urls.superuser);
  // So that no hour ends while a test runs.
  const { rows } = await superuser.query<{ ms: number }>(
    "SELECT (extract(epoch FROM date_trunc('hour', exequatur.clock()) + interval '61 minutes' - exequatur.clock()) * 1000)::float8 AS ms",
  );
  await fixture.database.advanceClock(rows[0]?.ms ?? 0);
});
afterAll(async () => {
  await Promise.all([relay?.end(), superuser?.end()]);
  await fixture?.close();
});
beforeEach(async () => {
  tenant = await fixture.database.createTenant();
});

const happen = (count = 1) =>
  withTenant(fixture.api, tenant, async (tx) => {
    for (let turn = 0; turn < count; turn++) tx.audit({ type: 'switch.changed', facts: { turn } });
  });
const seal = () => sealLogs({ pool: relay, signers: [signer], logger: openLogger('test') });
const zeros = '00'.repeat(256 * 32);
const root = Buffer.alloc(32);
const noteOver = (size: number, of = tenant, hash = root) => signNote(checkpointText(`${signer.name}/${of}`, size, hash), [signer]);
const tile = (level: number, number: number) => ({ level, tile: number, hashes: zeros });

async function store({ size, note, tiles = [] }: { size: number; note?: string; tiles?: object[] }): Promise<boolean> {
  const { rows } = await relay.query('SELECT exequatur.store_checkpoint($1::uuid, $2::bigint, $3::bytea, $4, $5::jsonb) AS stored', [
    tenant,
    size,
    root,
    note ?? (await noteOver(size)),
    JSON.stringify(tiles),
  ]);
  return rows[0].stored;
}

const countOf = async (table: string) =>
  (await superuser.query(`SELECT count(*)::int AS n FROM exequatur.${table} WHERE tenant_id = $1`, [tenant])).rows[0].n as number;
const kept = async () => [await countOf('audit_checkpoint'), await countOf('audit_tile'), await countOf('audit_cosignature')];

describe('a checkpoint', () => {
  it('comes with the tiles that it fills, and with none that the tree has not', async () => {
    await happen(300);
    for (const tiles of [
      [],
      [tile(0, 1)],
      [tile(0, 0), tile(0, 1)],
      [tile(0, 0), tile(0, 1_000_000_000)],
      [tile(0, 0), tile(0, -1)],
      [tile(0, 0), tile(1, 0)],
      [tile(0, 0), tile(7, 0)],
    ])
      await expect(store({ size: 300, tiles }), JSON.stringify(tiles.map((one) => ({ ...one, hashes: '' })))).rejects.toMatchObject({
        code: '23514',
      });
    expect(await kept()).toEqual([0, 0, 0]);
    expect(await store({ size: 300, tiles: [tile(0, 0)] })).toBe(true);
    expect(await kept()).toEqual([1, 1, 0]);
  });

  it('comes with all the tiles that it fills, and after none that is as large', async () => {
    await happen(600);
    await expect(store({ size: 600, tiles: [tile(0, 0)] })).rejects.toMatchObject({ code: '23514' });
    expect(await store({ size: 600, tiles: [tile(0, 0), tile(0, 1)] })).toBe(true);
    expect(await store({ size: 600 })).toBe(false);
    expect(await store({ size: 599 })).toBe(false);
    expect(await kept()).toEqual([1, 2, 0]);
  });

  it('is over entries that there are, at most 65,536 more than the one before it', async () => {
    await happen(2);
    expect(await store({ size: 3 })).toBe(false);
    await superuser.query('UPDATE exequatur.audit_head SET seq = 100000 WHERE tenant_id = $1', [tenant]);
    const tiles = Array.from({ length: 256 }, (_, number) => tile(0, number));
    await expect(store({ size: 65_537, tiles: [...tiles, tile(1, 0)] })).rejects.toMatchObject({ code: '23514' });
    await expect(store({ size: 65_536, tiles }), 'without the tile of tiles').rejects.toMatchObject({ code: '23514' });
    expect(await kept()).toEqual([0, 0, 0]);
    expect(await store({ size: 65_536, tiles: [...tiles, tile(1, 0)] })).toBe(true);
  });

  it('is a note of this log, over this size and root, with few signatures and nothing else', async () => {
    await happen(1);
    const right = await noteOver(1);
    const line = right.split('\n').at(-2);
    for (const [what, note] of Object.entries({
      'any text': 'a note',
      'many lines': `${right}${`${line}\n`.repeat(8)}`,
      'a megabyte': right.replace(signer.name, 'x'.repeat(1_000_000)),
      'of another tenant': await noteOver(1, fixture.tenant),
      'of another size': await noteOver(2),
      'of another root': await noteOver(1, tenant, Buffer.alloc(32, 1)),
      unsigned: `${right.split('\n\n')[0]}\n\n`,
      'with a line more': right.replace('\n\n', '\nmore\n\n'),
      'with text behind it': `${right}more`,
    }))
      await expect(store({ size: 1, note }), what).rejects.toMatchObject({ code: '23514' });
    expect(await kept()).toEqual([0, 0, 0]);
    expect(await store({ size: 1, note: `${right}${`${line}\n`.repeat(7)}` })).toBe(true);
  });

  it('that the relay makes is none of these, whatever was tried before it', async () => {
    await happen(600);
    await expect(store({ size: 600, tiles: [tile(0, 0), tile(0, 1), tile(0, 2)] })).rejects.toMatchObject({ code: '23514' });
    expect((await seal()).sealed).toBeGreaterThan(0);
    expect(await kept()).toEqual([1, 2, 0]);
  });
});

describe('a cosignature', () => {
  const lineOf = (name: string, fill: number) => `\u2014 ${name} ${Buffer.alloc(76, fill).toString('base64')}\n`;
  const idOf = (fill: number) => Buffer.alloc(4, fill).toString('hex');
  /** In the name of a witness whose key id is of zeros. */
  const forged = (turn: number) => {
    const bytes = Buffer.alloc(76);
    bytes.writeUInt32BE(turn, 40);
    return `\u2014 w ${bytes.toString('base64')}\n`;
  };
  async function file(size: number, line: string, witness = `w+${idOf(0)}`): Promise<boolean> {
    const { rows } = await relay.query('SELECT exequatur.store_cosignature($1::uuid, $2::bigint, $3, $4, now()) AS filed', [
      tenant,
      size,
      witness,
      line,
    ]);
    return rows[0].filed;
  }
  const filed = async (turns: number, from = 0) => {
    let count = 0;
    for (let turn = from; turn < from + turns; turn++) if (await file(1, forged(turn))) count++;
    return count;
  };
  const grow = async (count: number) => {
    for (let at = 0; at < count; at++) {
      await happen();
      await seal();
    }
  };

  it('has room beside three others, and beside one more with each minute, up to 64', async () => {
    await grow(1);
    expect(await filed(20)).toBe(4);
    expect(await file(1, forged(3))).toBe(true); // Another relay brings it too.
    await fixture.database.advanceClock(60_000);
    expect(await filed(20, 20)).toBe(1);
    await fixture.database.advanceClock(50 * 3_600_000);
    expect(await filed(100, 40)).toBe(59);
    expect((await kept())[2]).toBe(64);
  });

  it('is filed by the name and the key id that it is under', async () => {
    await grow(1);
    for (const witness of [`v+${idOf(0)}`, `w+${idOf(1)}`, 'w', ''])
      await expect(file(1, forged(0), witness), witness).rejects.toMatchObject({ code: '23514' });
    const long = 'x'.repeat(292);
    await expect(file(1, lineOf(long, 1), `${long}+${idOf(1)}`)).rejects.toMatchObject({ code: '23514' });
    expect(await file(1, lineOf('x', 1), `x+${idOf(1)}`)).toBe(true);
  });

  it('is of sixteen witnesses at most in an hour; whoever was among them stays', async () => {
    await grow(2);
    const asked = Array.from({ length: 20 }, (_, at) => at + 1);
    const outcomes: boolean[] = [];
    for (const fill of asked) outcomes.push(await file(fill % 2 === 0 ? 1 : 2, lineOf('w', fill), `w+${idOf(fill)}`));
    expect(outcomes).toEqual(asked.map((fill) => fill <= 16));
    await grow(1);
    expect(await file(3, lineOf('w', 5), `w+${idOf(5)}`)).toBe(true);
    expect(await file(3, lineOf('w', 30), `w+${idOf(30)}`)).toBe(false);
    await fixture.database.advanceClock(3_600_000);
    await grow(1);
    expect(await file(4, lineOf('w', 30), `w+${idOf(30)}`)).toBe(true);
  });

  it('is of the newest checkpoint, or of one that was until ten minutes ago: nobody says later what a witness said', async () => {
    await grow(1);
    expect(await file(2, forged(0))).toBe(false);
    await fixture.database.advanceClock(86_400_000);
    expect(await file(1, forged(0))).toBe(true);
    await grow(1);
    await fixture.database.advanceClock(590_000);
    expect(await file(1, forged(1))).toBe(true);
    await fixture.database.advanceClock(20_000);
    expect(await file(1, forged(2))).toBe(false);
  });

  it('that is none keeps sixteen checkpoints of an hour from being forgotten, and no more', async () => {
    await grow(25);
    for (let size = 1; size <= 25; size++) await file(size, lineOf('w', size), `w+${idOf(size)}`);
    await fixture.database.advanceClock(26 * 3_600_000);
    await thinCheckpoints(relay, null, 1_000);
    expect((await kept())[0]).toBe(17);
  });
});
