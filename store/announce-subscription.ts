import type { JsonValue } from '../ontology/json.ts';
import { announceChange } from './announce-change.ts';
import type { Tx } from './sql.ts';

export type SubscriptionChange = 'set' | 'removed' | 'replayed' | 'tested' | 'redelivered' | 'secret_set';

/** Where it goes, and from which position on, is in the audit log alone. */
export function announceSubscription(
  tx: Tx,
  { name, change, actor, ...personal }: { name: string; change: SubscriptionChange; actor: string } & Record<string, JsonValue>,
): void {
  announceChange(tx, {
    type: 'subscription.changed',
    subject: `subscription/${name}`,
    facts: { name, change },
    personal: { actor, ...personal },
  });
}
