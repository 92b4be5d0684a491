import { tokenOf } from '../../scripts/dev/load-network.ts';
import { restClient } from '../../scripts/rest/rest-client.ts';
import type { Stack } from '../../scripts/stack/start-stack.ts';
import type { StackTenant } from '../../scripts/stack/tenants.ts';
import { counterDocument, createCounters } from '../lifecycle/counters.ts';
import type { LoadedTenant } from './act-lifecycle.ts';

const count = 5_000; // More than can be under way at once.

/** A tenant with counters and with the people who count them up. */
export async function openTenant(
  { apiUrl }: Pick<Stack, 'apiUrl'>,
  tenant: StackTenant,
  document = counterDocument,
): Promise<LoadedTenant> {
  const client = (principal: string) => restClient(apiUrl, tokenOf(tenant, principal));
  const clients = { agent: client('ops-agent'), approver: client('duty-manager-1') };
  const counters = await createCounters(client('ontology-admin-1'), clients.agent, clients.approver, count, document);
  let taken = 0;
  return {
    clients,
    next: () => ({ counter: counters[taken % counters.length] ?? '', to: ++taken }),
  };
}
