import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { type NoteSigner, readSigner, writeSigner } from '../../audit/signed-note.ts';
import type { KnownWitness } from '../../events/ask-witness.ts';
import { sealLogs } from '../../events/seal-logs.ts';
import { mendCosignatures, submitCheckpoints } from '../../events/submit-checkpoints.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { openPool } from '../../store/connect.ts';
import { thinCheckpoints } from '../../store/cosignatures.ts';
import { executeProposal } from '../../store/execute-proposal.ts';
import { simulateProposal } from '../../store/simulate-proposal.ts';
import { openLogger } from '../../telemetry/logger.ts';
import { ApiScene } from '../api/api-scene.ts';
import { building } from '../store/fixture.ts';

const verifier = resolve('verifier', 'exequatur-verify.mjs');

/** An API over a database with a log that is sealed when a test says so, and the verifier as auditors run it: another process, a file and a key. */
export class EvidenceScene {
  readonly api: ApiScene;
  readonly signer: NoteSigner;
  readonly superuser: pg.Client;
  readonly relay: pg.Pool;
  readonly worker: pg.Pool;
  private readonly directory = mkdtempSync(join(tmpdir(), 'evidence-'));
  private files = 0;
  private floors = 0;

  private constructor(api: ApiScene) {
    this.api = api;
    this.signer = newSigner();
    this.relay = openPool(api.database.urls.relay);
    this.worker = openPool(api.database.urls.worker);
    this.superuser = new pg.Client({ connectionString: api.database.urls.superuser });
  }

  static async open(document: JsonValue = building): Promise<EvidenceScene> {
    const scene = new EvidenceScene(await ApiScene.open());
    await scene.superuser.connect();
    const put = await scene.api.as({ id: 'ontology-admin-1' }).put('/v1/ontology', document);
    if (put.status !== 201) throw new Error(JSON.stringify(put.body));
    return scene;
  }

  /** The name of the tenant's log. */
  get origin(): string {
    return `${this.signer.name}/${this.api.tenant}`;
  }

  get auditor() {
    return this.api.as({ id: 'auditor-1', roles: ['auditor'] });
  }

  /** Proposes, has approved by two people, and executes. */
  async act(): Promise<string> {
    const { deps } = this.api.context.resources;
    const { tenant } = this.api;
    const { body } = await this.api
      .as({ id: 'agent-1', kind: 'agent', roles: ['agent'] })
      .propose('askFloorTwice', { name: `E${++this.floors}` });
    const settled = await simulateProposal(this.worker, tenant, body.id, deps);
    for (const id of ['keeper-1', 'officer-1']) await this.api.as({ id }).review({ id: body.id, planDigest: settled?.digest ?? null });
    const executed = await executeProposal(this.worker, tenant, body.id, deps);
    if (executed?.status !== 'executed') throw new Error(`expected executed, found ${JSON.stringify(executed)}`);
    return body.id;
  }

  seal(signer = this.signer, ...others: NoteSigner[]) {
    return sealLogs({ pool: this.relay, signers: [signer, ...others], logger: openLogger('test') });
  }

  thin(since: Date | null = null): Promise<number> {
    return thinCheckpoints(this.relay, since, 1_000);
  }

  /** Has the API serve the cosignatures of these. */
  serve(...witnesses: KnownWitness[]): void {
    this.api.context.resources.witnesses = witnesses.map(({ key }) => key);
  }

  /** Has everything cosigned that is sealed, as the relay does. @returns how many checkpoints were. */
  async submit(witness: KnownWitness, forks = new Map<string, number>()): Promise<number> {
    return (await submitCheckpoints({ pool: this.relay, witness, logger: openLogger('test'), forks, declined: new Map() })).cosigned;
  }

  /** Has cosigned what only seems to be. */
  mend(witness: KnownWitness, held = new Map<string, number>()): Promise<number> {
    return mendCosignatures({ pool: this.relay, witness, logger: openLogger('test'), forks: new Map(), declined: new Map() }, held);
  }

  async export(query = ''): Promise<string> {
    const { status, body } = await this.auditor.get(`/v1/audit/export${query}`);
    if (status !== 200) throw new Error(JSON.stringify(body));
    return body;
  }

  async checkpoint(): Promise<string> {
    return (await this.auditor.get('/v1/audit/checkpoint')).body.note;
  }

  /** What the verifier prints, and its exit code. */
  async verify(
    text: string,
    { key = this.signer.verifierKey, kept, args: more = [] }: { key?: string; kept?: string | undefined; args?: readonly string[] } = {},
  ): Promise<{ code: number; said: string }> {
    const file = this.write(text);
    const args = [verifier, '--key', key, ...(kept === undefined ? [] : ['--checkpoint', this.write(kept)]), ...more, file];
    return new Promise((done) => {
      execFile(process.execPath, args, (error, stdout) =>
        done({ code: typeof error?.code === 'number' ? error.code : 0, said: stdout.trim() }),
      );
    });
  }

  /** As whoever administers the database: neither privileges nor triggers hold. */
  async tamper(...statements: string[]): Promise<void> {
    await this.superuser.query(`SET session_replication_role = replica; ${statements.join('; ')}; RESET session_replication_role`);
  }

  async close(): Promise<void> {
    await Promise.all([this.relay.end(), this.worker.end(), this.superuser.end()]);
    await this.api.close();
    rmSync(this.directory, { recursive: true });
  }

  private write(text: string): string {
    const file = join(this.directory, `${++this.files}`);
    writeFileSync(file, text);
    return file;
  }
}

export function newSigner(name = 'exequatur.test/log'): NoteSigner {
  return readSigner(writeSigner(name, randomBytes(32)));
}
