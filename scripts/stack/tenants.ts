import pg from 'pg';
import type { DevelopmentKeys } from './development-keys.ts';
import { principals } from './principals.ts';

export interface TenantWish {
  slug: string;
  name: string;
}

export interface StackTenant {
  id: string;
  slug: string;
  tokens: Record<string, { id: string; kind: string; roles: readonly string[]; token: string }>;
}

/** Makes the tenants that are missing. A tenant's id follows from its slug, so it is the same after a restart. */
export async function openTenants(superuserUrl: string, wishes: readonly TenantWish[], keys: DevelopmentKeys): Promise<StackTenant[]> {
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    const tenants: StackTenant[] = [];
    for (const { slug, name } of wishes) {
      const { rows } = await client.query<{ id: string }>('select exequatur.ensure_tenant($1, $2) as id', [slug, name]);
      const id = rows[0]?.id as string;
      tenants.push({ id, slug, tokens: await signTokens(id, keys) });
    }
    return tenants;
  } finally {
    await client.end();
  }
}

async function signTokens(tenant: string, keys: DevelopmentKeys): Promise<StackTenant['tokens']> {
  const tokens: StackTenant['tokens'] = {};
  for (const { id, kind, roles } of principals) {
    tokens[id] = { id, kind, roles, token: await keys.sign({ tenant, id, kind, roles, name: id }) };
  }
  return tokens;
}
