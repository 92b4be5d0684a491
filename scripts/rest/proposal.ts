/** What the scripts read of a proposal; the API's own document (openapi.json) has it whole. */
export interface Proposal {
  id: string;
  status: string;
  actionType: { name: string; version: number };
  revision: number;
  planDigest: string | null;
  planSummary: {
    edits: Record<'create' | 'modify' | 'delete' | 'link' | 'unlink', number>;
    objectTypes: Record<string, number>;
    riskTier: string;
    revertible: boolean;
  } | null;
  approval: {
    missing: string;
    stages: { name: string; status: string; thresholds: { name?: string; needed: number; given: number; denied: number }[] }[];
    expiresAt: string;
  } | null;
  held: { by: string; until: string } | null;
  execution: { id: string; executedAt: string; edits: number } | null;
  reverted: string;
  failure: { code?: string; title?: string; detail?: string } | null;
  workflow: { id: string; url: string | null };
  statusTimestamps: Record<string, string>;
  createdAt: string;
}

export interface Edit {
  op: string;
  type?: string;
  id?: string;
  set?: Record<string, unknown>;
  unset?: string[];
  before?: Record<string, unknown>;
}

export interface OntologyObject {
  type: string;
  id: string;
  version: number;
  properties: Record<string, unknown>;
}
