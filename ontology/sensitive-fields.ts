import type { OntologyDocument } from './definition.ts';

/** What has the field: an object type, whose fields are its properties, or an action type, whose fields are its parameters. */
export type FieldOwner = 'objectTypes' | 'actionTypes';

/** A field that an earlier document marked as sensitive, with those who could see it then. */
export interface PastSensitiveField {
  owner: FieldOwner;
  name: string;
  field: string;
  /** CEL over `reader`; null where the document named nobody. */
  readers: string | null;
}

const defaultReaders = "'sensitive-reader' in reader.roles";

/**
 * Which fields of a tenant are sensitive, and who may see them. The document in force decides, also on old plans and history. What it no longer has was sensitive if
 * any earlier document said so: nobody can see a value by having its definition removed.
 */
export class SensitiveFields {
  readonly document: OntologyDocument | null;
  private readonly past = new Map<string, PastSensitiveField>();

  constructor(document: OntologyDocument | null, past: readonly PastSensitiveField[] = []) {
    this.document = document;
    for (const field of past) this.past.set(keyOf(field.owner, field.name, field.field), field);
  }

  /** CEL over `reader` {id, kind, roles}; null when everybody may see the field. */
  readersOf(owner: FieldOwner, name: string, field: string): string | null {
    const type = owned<{ sensitiveReaders?: string }>(this.document?.[owner], name);
    const definition = owned<{ sensitive?: boolean }>(this.fieldsOf(owner, name), field);
    const past = definition === undefined ? this.past.get(keyOf(owner, name, field)) : undefined;
    if (definition?.sensitive !== true && past === undefined) return null;
    if (type === undefined) return past?.readers ?? defaultReaders;
    return type.sensitiveReaders ?? this.document?.sensitiveReaders ?? defaultReaders;
  }

  /** Every condition on readers that some field has, CEL over `reader`. */
  allReaders(): string[] {
    const owners = ['objectTypes', 'actionTypes'] as const;
    const fields = owners.flatMap((owner) =>
      Object.keys(this.document?.[owner] ?? {}).flatMap((name) =>
        Object.keys(this.fieldsOf(owner, name) ?? {}).map((field) => ({ owner, name, field })),
      ),
    );
    const readers = [...fields, ...this.past.values()].flatMap(({ owner, name, field }) => this.readersOf(owner, name, field) ?? []);
    return [...new Set(readers)];
  }

  /** Whether a value of the property names another object, so that naming that object tells the value. */
  isReference(type: string, property: string): boolean {
    const definition = owned<{ type: string; items?: { type: string } }>(this.fieldsOf('objectTypes', type), property);
    return definition === undefined || definition.type === 'reference' || definition.items?.type === 'reference';
  }

  private fieldsOf(owner: FieldOwner, name: string): Record<string, unknown> | undefined {
    return owner === 'objectTypes'
      ? owned<OntologyDocument['objectTypes'][string]>(this.document?.objectTypes, name)?.properties
      : owned<NonNullable<OntologyDocument['actionTypes']>[string]>(this.document?.actionTypes, name)?.parameters;
  }
}

/** Names come from plans and requests, and every record of JavaScript answers to some names that nobody defined. */
function owned<T>(record: Record<string, unknown> | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? (record[name] as T) : undefined;
}

function keyOf(owner: FieldOwner, name: string, field: string): string {
  return `${owner}/${name}/${field}`; // Names hold no slash.
}
