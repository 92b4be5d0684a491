import type { EntityUidJson } from '@cedar-policy/cedar-wasm/nodejs';

export interface CedarEntity {
  type: string;
  id: string;
}

/** Whom or what a policy names, which Cedar writes in two forms. */
export function entityOf(named: EntityUidJson): CedarEntity {
  return '__entity' in named ? named.__entity : named;
}
