import { settingTypes } from '../ontology/setting-actions.ts';
import type { SettingChange } from './setting-plan.ts';
import type { Sql } from './sql.ts';

/** A digest of what a change puts in force, computed by the database, which does so again when it is executed: it alone knows how it writes JSON. */
export async function settingDigest(tx: Sql, { setting, id, before, set }: SettingChange): Promise<string> {
  const [row] = await tx.rows<{ digest: string }>('SELECT exequatur.setting_digest($1, $2, $3::jsonb, $4::jsonb) AS digest', [
    settingTypes[setting],
    id,
    JSON.stringify(before),
    JSON.stringify(set),
  ]);
  if (row === undefined) throw new Error('the digest was not computed');
  return row.digest;
}
