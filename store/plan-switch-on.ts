import { superseded } from './plan-ontology-change.ts';
import type { PlannedSetting } from './setting-plan.ts';
import type { Sql } from './sql.ts';
import { readSwitch, type SwitchScope } from './switches.ts';

/** What the proposal says; `base` is when the switch was thrown that is to be put back. */
export interface SwitchOnParameters {
  base: string;
  scope: SwitchScope;
  name: string;
  reason: string;
}

/** Of what was switched off once more meanwhile nothing is planned: whoever did that has looked since. */
export async function planSwitchOn(tx: Sql, { base, scope, name, reason }: SwitchOnParameters): Promise<PlannedSetting> {
  const view = await readSwitch(tx, scope, name);
  if (view?.state !== 'off' || view.changedAt !== base) return { kind: 'invalid', faults: [superseded('switches')] };
  const message = `${scope}/${name} goes on`;
  return {
    kind: 'planned',
    change: {
      setting: 'switches',
      id: `${scope}/${name}`,
      before: { state: 'off', changedAt: base, changedBy: view.changedBy, reason: view.reason },
      set: { state: 'on', reason },
      loosens: [{ pointer: '/state', message }],
      revertible: false, // To stop it again takes one person and no plan.
      counters: {},
    },
  };
}
