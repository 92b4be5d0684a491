import type { Caller } from '../../ontology/authority.ts';

export const proposer: Caller = { id: 'bench-agent', kind: 'agent', roles: ['operator'], tokenIssuedAt: new Date().toISOString() };
export const reviewer: Caller = { id: 'bench-reviewer', kind: 'user', roles: ['reviewer'], tokenIssuedAt: new Date().toISOString() };
export const administrator: Caller = {
  id: 'bench-administrator',
  kind: 'user',
  roles: ['ontology-admin'],
  tokenIssuedAt: new Date().toISOString(),
};
