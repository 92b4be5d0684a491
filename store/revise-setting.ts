import { randomBytes } from 'node:crypto';
import type { Actor } from '../ontology/authority.ts';
import { canonicalText } from '../ontology/canonical-json.ts';
import { durationMs } from '../ontology/duration.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import type { Fault } from '../ontology/plan.ts';
import { type Setting, settingRequirement } from '../ontology/setting-actions.ts';
import { questionOf } from './may-administer.ts';
import { planSetting } from './plan-setting.ts';
import type { LockedProposal } from './proposal-row.ts';
import { type Refusal, refuse, refuseFaults } from './refusal.ts';
import { settingDigest } from './setting-digest.ts';
import type { Tx } from './sql.ts';
import type { StoreDeps } from './store-deps.ts';

/** What a revision says, as whoever reads requests found it to be of the form that the first was sent in. */
export type ParseSetting = (setting: Setting, parameters: JsonValue) => { value: JsonObject } | { faults: Fault[] };

/** What a revision leaves as it was: which thing is changed, and what its author had before them. */
const kept: Record<Setting, readonly string[]> = {
  ontology: ['base'],
  policies: ['base'],
  switches: ['base', 'scope', 'name'],
  delegations: ['id', 'delegator'],
  subscriptions: ['base', 'name'],
  principals: ['id'],
};

export interface RevisedSetting {
  revision: number;
  parameters: string;
  actionTypeVersion: number;
  ontologyVersion: number;
}

/**
 * The next revision of a change of what governs, worked out against what is in force like the first. MUST be asked under the proposal's lock, of somebody whom the gate lets
 * revise it. It is refused where something else came into force since the first was sent: then that is to be sent again, on top.
 */
export async function reviseSetting(
  tx: Tx,
  {
    setting,
    proposal,
    parameters,
    justification,
    actor,
  }: { setting: Setting; proposal: LockedProposal; parameters: JsonValue; justification: string; actor: Actor },
  parse: ParseSetting,
  deps: StoreDeps,
): Promise<RevisedSetting | Refusal> {
  const may = deps.decide(questionOf(setting, actor));
  if (!may.allowed) return refuse(may.reason);
  const parsed = parse(setting, parameters);
  if ('faults' in parsed) return refuse('invalid_parameters', parsed.faults);
  const [row] = await tx.rows<{ parameters: string }>('SELECT p.parameters FROM exequatur.proposal p WHERE p.id = $1::uuid', [proposal.id]);
  const former = JSON.parse(row?.parameters ?? '{}') as JsonObject;
  const same = Object.fromEntries(kept[setting].flatMap((name) => (former[name] === undefined ? [] : [[name, former[name]]])));
  const text = canonicalText({ ...parsed.value, ...same });
  const question = { setting, parameters: JSON.parse(text) as JsonObject, revertOf: null, proposer: actor };
  const planned = await planSetting(tx, question, deps);
  if (planned.kind === 'invalid')
    return refuseFaults(
      planned.faults.map((fault) => inRevision(setting, fault)),
      'invalid_parameters',
    );
  const { change } = planned;
  const current = await deps.ontologies.load(tx);
  if (current === null) throw new Error('before there is a document nothing is proposed');
  const { expiresAfter } = settingRequirement(setting, change.loosens, current.ontology.document);
  const values = [
    proposal.id,
    text,
    justification,
    randomBytes(16).toString('hex'),
    new Date(Date.parse(proposal.now) + durationMs(expiresAfter)).toISOString(),
    change.loosens.length > 0,
    await settingDigest(tx, change),
  ];
  const [revised] = await tx.rows<{ revision: number }>(
    'SELECT exequatur.revise_setting($1::uuid, $2, $3, $4, $5::timestamptz, $6::boolean, $7) AS revision',
    values,
  );
  return { revision: revised?.revision ?? 0, parameters: text, actionTypeVersion: 1, ontologyVersion: current.version };
}

/** Plans point into what is put; a revision has that among its parameters, the ontology document under a name of its own. */
function inRevision(setting: Setting, { pointer = '', ...fault }: Fault): Fault {
  return { ...fault, pointer: `/parameters${setting === 'ontology' && pointer !== '' ? '/document' : ''}${pointer}` };
}
