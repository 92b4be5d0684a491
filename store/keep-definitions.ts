import type { CompiledActionType, CompiledLinkType, CompiledObjectType, CompiledOntology } from '../ontology/compiled-ontology.ts';
import type { JsonObject } from '../ontology/json.ts';
import { changeIndexes } from './index-builds.ts';
import type { PrismaTx } from './sql.ts';

/**
 * Writes the definitions that the database itself reads: object and link types, whose references and indexed properties the door keeps, and action-type versions with
 * their write surface, floors and ceilings. All inside the upload's transaction.
 */
export async function keepTypes(tx: PrismaTx, before: CompiledOntology | null, after: CompiledOntology, version: number): Promise<void> {
  const tenantId = tx.tenant;
  for (const type of after.objectTypes.values()) {
    const row = objectTypeRow(type, version);
    await tx.prisma.objectType.upsert({
      where: { tenantId_name: { tenantId, name: type.name } },
      create: { tenantId, name: type.name, ...row },
      update: row,
    });
  }
  for (const link of after.linkTypes.values()) {
    const row = linkTypeRow(link);
    await tx.prisma.linkType.upsert({
      where: { tenantId_name: { tenantId, name: link.name } },
      create: { tenantId, name: link.name, ...row },
      update: row,
    });
  }
  await tx.prisma.linkType.deleteMany({ where: { tenantId, name: { notIn: [...after.linkTypes.keys()] } } });
  await tx.prisma.objectType.deleteMany({ where: { tenantId, name: { notIn: [...after.objectTypes.keys()] } } });
  await tx.prisma.typeState.createMany({
    data: countedTypes(after).map((type) => ({ tenantId, type, counter: 0n })),
    skipDuplicates: true,
  });
  await changeIndexes(tx, before, after);
}

/** Everything that executions count changes of: object types, and link types with rows of their own. */
function countedTypes(ontology: CompiledOntology): string[] {
  const links = [...ontology.linkTypes.values()].filter((link) => link.cardinality === 'many-to-many');
  return [...ontology.objectTypes.keys(), ...links.map(({ name }) => name)];
}

function objectTypeRow(type: CompiledObjectType, ontologyVersion: number) {
  return {
    ontologyVersion,
    definition: type.definition as unknown as JsonObject,
    references: { ...type.references },
    indexed: [...type.indexed],
    uniqueProperties: [...type.unique],
    keyProperty: type.key ?? null,
    minimumApprovals: type.minimumApprovals,
  };
}

function linkTypeRow(link: CompiledLinkType) {
  return {
    definition: link.definition as unknown as JsonObject,
    cardinality: link.cardinality,
    fromType: link.from,
    toType: link.to,
    via: link.via ?? null,
  };
}

/** Versions rise only where the canonical definition changed; a type that comes back as it was keeps its version. Returns the versions now. */
export async function keepActionTypes(tx: PrismaTx, ontology: CompiledOntology, ontologyVersion: number): Promise<Record<string, number>> {
  const tenantId = tx.tenant;
  const latest = await tx.rows<{ name: string; version: number; digest: string }>(
    'SELECT DISTINCT ON (v.name) v.name, v.version::int AS version, v.digest FROM exequatur.action_type_version v ORDER BY v.name, v.version DESC',
  );
  const known = new Map(latest.map((row) => [row.name, row]));
  const versions: Record<string, number> = {};
  for (const action of ontology.actionTypes.values()) {
    const before = known.get(action.name);
    const isSame = before?.digest === action.definitionDigest;
    const version = isSame ? before.version : (before?.version ?? 0) + 1;
    if (!isSame)
      await tx.prisma.actionTypeVersion.createMany({ data: [{ tenantId, ...actionTypeVersionRow(action), version, ontologyVersion }] });
    const current = { currentVersion: version, retired: false };
    await tx.prisma.actionType.upsert({
      where: { tenantId_name: { tenantId, name: action.name } },
      create: { tenantId, name: action.name, ...current },
      update: current,
    });
    versions[action.name] = version;
  }
  await tx.prisma.actionType.updateMany({
    where: { tenantId, name: { notIn: [...ontology.actionTypes.keys()] } },
    data: { retired: true },
  });
  return versions;
}

function actionTypeVersionRow(action: CompiledActionType) {
  return {
    name: action.name,
    definition: action.definitionText,
    digest: action.definitionDigest,
    surface: action.surface as unknown as JsonObject[],
    floors: action.floors as unknown as JsonObject[],
    ceilings: { ...action.ceilings } as unknown as JsonObject,
    createdAt: new Date(),
  };
}
