import type { JsonObject } from '../ontology/json.ts';
import { type Setting, settingTypes } from '../ontology/setting-actions.ts';
import type { Sql } from './sql.ts';

/** Puts in force what governs a tenant that has no document yet: nothing can be proposed there. The database refuses it afterwards. */
export async function foundSetting(
  tx: Sql,
  { setting, id, before, set }: { setting: Setting; id: string; before: JsonObject; set: JsonObject },
  author: string,
): Promise<number> {
  const [row] = await tx.rows<{ version: number }>('SELECT exequatur.found_setting($1, $2, $3::jsonb, $4::jsonb, $5)::int AS version', [
    settingTypes[setting],
    id,
    JSON.stringify(before),
    JSON.stringify(set),
    author,
  ]);
  if (row === undefined) throw new Error('the setting was not kept');
  return row.version;
}
