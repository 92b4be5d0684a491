export interface Principal {
  id: string;
  kind: 'user' | 'agent' | 'service';
  roles: readonly string[];
}

/** Who acts in a development tenant; each holds the role of its own name without the number. */
export const principals: readonly Principal[] = [
  { id: 'ops-agent', kind: 'agent', roles: ['ops-agent'] },
  ...[
    'dispatcher',
    'duty-manager-1',
    'duty-manager-2',
    'safety-officer',
    'operator',
    'ontology-admin-1',
    'ontology-admin-2',
    'auditor',
  ].map((id): Principal => ({ id, kind: 'user', roles: [id.replace(/-\d+$/, '')] })),
];
