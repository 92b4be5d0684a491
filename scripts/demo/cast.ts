import { tokenOf } from '../dev/load-network.ts';
import { type RestClient, restClient } from '../rest/rest-client.ts';
import type { Stack } from '../stack/start-stack.ts';
import type { StackTenant } from '../stack/tenants.ts';

/** Who acts in the demo, each with a connection of their own. */
export interface Cast {
  tenant: StackTenant;
  agent: RestClient;
  dispatcher: RestClient;
  dutyManager: RestClient;
  otherDutyManager: RestClient;
  safetyOfficer: RestClient;
  operator: RestClient;
  administrator: RestClient;
  otherAdministrator: RestClient;
  /** A dispatcher of the other tenant. */
  stranger: RestClient;
}

export function castOf(stack: Stack): Cast {
  const [tenant, other] = stack.tenants as [StackTenant, StackTenant];
  const as = (principal: string, of = tenant) => restClient(stack.apiUrl, tokenOf(of, principal));
  return {
    tenant,
    agent: as('ops-agent'),
    dispatcher: as('dispatcher'),
    dutyManager: as('duty-manager-1'),
    otherDutyManager: as('duty-manager-2'),
    safetyOfficer: as('safety-officer'),
    operator: as('operator'),
    administrator: as('ontology-admin-1'),
    otherAdministrator: as('ontology-admin-2'),
    stranger: as('dispatcher', other),
  };
}
