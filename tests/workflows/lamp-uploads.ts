import { createIndexActivities } from '../../activities/create-index-activities.ts';
import { createMigrationActivities } from '../../activities/create-migration-activities.ts';
import type { RelayDeps } from '../../events/redeliver-nudges.ts';
import type { JsonValue } from '../../ontology/json.ts';
import { putOntology } from '../../store/put-ontology.ts';
import { openLogger } from '../../telemetry/logger.ts';
import type { ProposalActivities } from '../../workflows/proposal-activities.contract.ts';
import type { LampShop } from './lamp-shop.ts';
import { lamps, owner } from './lamps.ts';

const logger = openLogger('test');

function withLamp(property: 'level' | 'installedBy', change: object): { [name: string]: JsonValue } {
  const document = structuredClone(lamps) as { objectTypes: { lamp: { properties: Record<string, object> } } };
  Object.assign(document.objectTypes.lamp.properties[property] ?? {}, change);
  return document as unknown as { [name: string]: JsonValue };
}

/** Lamps are found by their level. */
export const indexedLamps = withLamp('level', { indexed: true });

/** Lamps must say who installed them, and those that don't are said to be from long ago. */
export const migratedLamps = {
  ...withLamp('installedBy', { required: true, default: 'nobody' }),
  migrations: [{ objectType: 'lamp', set: { installedBy: "'long ago'" }, approvalPolicy: 'nobody' }],
};

/** Keepers are reminded every other second, or hour, and after the second there is a chief too. */
export function remindedLamps(expiresAfter: string, unit: 'S' | 'H' = 'S'): JsonValue {
  const document = structuredClone(lamps) as { approvalPolicies: { keeper: object } };
  const escalate = { after: `PT2${unit}`, to: ['chief'], reviewers: { keepers: "'chief' in reviewer.roles" } };
  Object.assign(document.approvalPolicies.keeper, { expiresAfter, remind: { after: `PT1${unit}`, every: `PT2${unit}` }, escalate });
  return document as unknown as JsonValue;
}

/** Whoever is on call dims lamps alone, and a chief looks at it afterwards. */
export function emergencyLamps(reviewWithin: string): JsonValue {
  const document = structuredClone(lamps) as { approvalPolicies: { keeper: object } };
  const breakGlass = { roles: ['on-call'], approvals: 0, reviewWithin, reviewers: "'chief' in reviewer.roles" };
  Object.assign(document.approvalPolicies.keeper, { breakGlass });
  return document as unknown as JsonValue;
}

/** With the approval of a second owner, except that nobody tells Temporal. Returns the migration's id, where there is one. */
export async function upload(shop: LampShop, document: JsonValue): Promise<string | null> {
  const outcome = await shop.write((tx) => putOntology(tx, document, owner, shop.deps));
  if (outcome.proposalId !== null) await shop.enact(outcome.proposalId);
  return outcome.migration === null ? null : outcome.proposalId;
}

/** What a relay has that serves this shop. */
export function relayOf(shop: LampShop): RelayDeps {
  return { pool: shop.relayPool, client: shop.client, taskQueue: shop.taskQueue, logger };
}

/** A worker's activities beside those of proposals. */
export function definitionActivities(shop: LampShop) {
  return (steps: ProposalActivities): ProposalActivities => ({
    ...steps,
    ...createIndexActivities({ pool: shop.workerPool, logger }),
    ...createMigrationActivities({ pool: shop.workerPool, store: shop.deps, logger }),
  });
}
