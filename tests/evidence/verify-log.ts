import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sealLogs } from '../../events/seal-logs.ts';
import { openPool } from '../../store/connect.ts';
import { readCheckpoint, readExportPage } from '../../store/read-log.ts';
import { withTenant } from '../../store/sql.ts';
import { openLogger } from '../../telemetry/logger.ts';
import type { TestDatabase } from '../support/database.ts';
import { newSigner } from './evidence-scene.ts';

/** Seals a tenant's log, takes all of it, and returns what the verifier says: that of a test that did all sorts of things must be whole. Of a database that nobody else seals. */
export async function verifyLog(database: TestDatabase, tenant: string): Promise<string> {
  const signer = newSigner();
  const [relay, api] = [openPool(database.urls.relay), openPool(database.urls.api)];
  try {
    while ((await sealLogs({ pool: relay, signers: [signer], logger: openLogger('test') })).sealed > 0);
    return await withTenant(api, tenant, async (tx) => {
      const last = await readCheckpoint(tx, []);
      if (last === null) throw new Error('nothing was sealed');
      const header = { exequatur: 'audit-export', format: 1, tenant, from: 1, to: last.size, subtrees: [] };
      let text = `${JSON.stringify(header)}\n`;
      for (let next = 1; next <= last.size; ) {
        const page = await readExportPage(tx, [], next, last);
        text += page.pieces.filter((piece) => !piece.startsWith('{"checkpoint"')).join(''); // Earlier ones are by keys that are forgotten.
        next = page.next;
      }
      return verified(`${text}${JSON.stringify({ checkpoint: last.note })}\n${JSON.stringify({ end: last.size })}\n`, signer.verifierKey);
    });
  } finally {
    await Promise.all([relay.end(), api.end()]);
  }
}

/** What the command says, without a process for it: tests ask after each case. */
async function verified(text: string, key: string): Promise<string> {
  const [{ verifyExport }, { readVerifier }] = await Promise.all([ofVerifier('verify-export.mjs'), ofVerifier('notes.mjs')]);
  try {
    return `whole ${JSON.stringify(await verifyExport(text.trimEnd().split('\n'), [readVerifier(key)]))}`;
  } catch (error) {
    return `BROKEN ${(error as Error).message}`;
  }
}

/** A module of the folder that goes to auditors, which is plain JavaScript. */
const ofVerifier = (module: string) => import(pathToFileURL(resolve('verifier', module)).href);
