import { fitFact } from '../audit/fit-fact.ts';
import type { JsonObject } from '../ontology/json.ts';
import type { Setting } from '../ontology/setting-actions.ts';
import type { PrincipalChange } from '../ontology/standing-loosens.ts';
import { announceChange } from './announce-change.ts';
import { announceDefinitions } from './announce-definitions.ts';
import { announceDelegation } from './announce-delegation.ts';
import { announceSubscription } from './announce-subscription.ts';
import type { DefinitionRows } from './definition-rows.ts';
import { nudgeHeld } from './nudges.ts';
import { announcePrincipal } from './put-principal.ts';
import { foreseeDefinitions } from './redefined-actions.ts';
import type { Sql, Tx } from './sql.ts';

/** The edit of a change that is being executed. */
export interface SettingEdit {
  id: string;
  before: JsonObject;
  set: JsonObject;
}

/**
 * What is told of a change that the door puts in force in this transaction, and who is told to look again: whatever it may have held. MUST be called with the definitions
 * held alone, so that the versions foretold are those that are kept.
 */
export async function announceSetting(
  tx: Tx,
  setting: Setting,
  { id, before, set }: SettingEdit,
  { proposalId, proposerId }: { proposalId: string; proposerId: string },
): Promise<void> {
  switch (setting) {
    case 'ontology':
      return announceOntology(tx, { before, set }, { proposalId, proposerId });
    case 'policies':
      return announcePolicies(tx, set, proposerId);
    case 'switches': {
      const [scope = '', ...name] = id.split('/');
      announceSwitch(tx, { scope, name: name.join('/'), state: 'on', reason: String(set.reason), actor: proposerId });
      return nudgeHeld(tx);
    }
    case 'delegations': {
      const { delegator, delegate, reason } = set;
      const parties = { id, delegator: String(delegator), delegate: String(delegate) };
      return announceDelegation(tx, parties, proposerId, 'granted', String(reason));
    }
    case 'subscriptions':
      return announceSubscription(tx, { name: id, change: 'set', actor: proposerId, url: String(set.url) });
    case 'principals': {
      const change = set.change as PrincipalChange;
      announcePrincipal(tx, id, proposerId, change);
      const { disabled, actsFor, linkedIdentities } = change;
      return disabled === false || actsFor !== undefined || linkedIdentities !== undefined ? nudgeHeld(tx) : undefined;
    }
  }
}

async function announceOntology(
  tx: Tx,
  { before, set }: Omit<SettingEdit, 'id'>,
  { proposalId, proposerId }: { proposalId: string; proposerId: string },
): Promise<void> {
  const baseVersion = Number(before.version);
  const migration = set.migration as { rules: JsonObject[] } | undefined;
  const digest = String(set.digest ?? '');
  if (migration !== undefined) {
    const about = { migrationId: proposalId, digest, baseVersion };
    return announceChange(tx, {
      type: 'ontology.migration_started',
      subject: 'ontology',
      facts: { ...about, ...fitFact('rules', migration.rules) },
      personal: { actor: proposerId },
      data: { ...about, rules: migration.rules },
    });
  }
  const { actionTypes } = await foreseeDefinitions(tx, set.definitions as unknown as DefinitionRows);
  announceDefinitions(tx, { version: baseVersion + 1, digest, actionTypes }, proposerId);
}

async function announcePolicies(tx: Tx, set: JsonObject, actor: string): Promise<void> {
  const version = typeof set.version === 'number' ? set.version : await nextPolicyVersion(tx);
  announcePolicyVersion(tx, { version, digest: String(set.digest) }, actor);
  await tx.rows(
    `INSERT INTO exequatur.nudge (tenant_id, id, proposal_id, created_at, attempts)
     SELECT p.tenant_id, gen_random_uuid(), p.id, exequatur.clock(), 0 FROM exequatur.proposal p
      WHERE p.status = 'awaiting_approval' AND EXISTS (
        SELECT FROM exequatur.decision d WHERE d.tenant_id = p.tenant_id AND d.proposal_id = p.id AND d.action = 'execute' AND d.outcome = 'refused' AND d.digest = p.plan_digest)`,
  );
}

export async function nextPolicyVersion(tx: Sql): Promise<number> {
  const [row] = await tx.rows<{ next: number }>('SELECT COALESCE(max(v.version), 0)::int + 1 AS next FROM exequatur.policy_version v');
  return row?.next ?? 1;
}

export function announcePolicyVersion(tx: Tx, facts: { version: number; digest: string }, actor: string): void {
  announceChange(tx, { type: 'policies.changed', subject: 'policies', facts, personal: { actor } });
}

export function announceSwitch(
  tx: Tx,
  { scope, name, state, reason, actor }: { scope: string; name: string; state: 'on' | 'off'; reason: string; actor: string },
): void {
  const facts: JsonObject = scope === 'agent' || scope === 'principal' ? { scope, state } : { scope, name, state };
  const personal = { actor, reason, name };
  announceChange(tx, { type: 'switch.changed', subject: `switch/${scope}/${name}`, facts, personal, data: { scope, name, state } });
}
