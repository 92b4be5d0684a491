/** Who acts, as expressions see it under `proposer` or `reviewer`. */
export interface Principal {
  id: string;
  kind: 'user' | 'agent' | 'service';
  roles: readonly string[];
}
