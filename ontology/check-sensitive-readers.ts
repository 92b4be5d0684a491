import { compilePrincipalExpression } from './cel/principal-expression.ts';
import type { OntologyDocument } from './definition.ts';
import type { FaultList } from './fault-list.ts';
import { pointerTo } from './json.ts';

/** Checks who may see sensitive values, wherever a document says it: an expression that could not be computed would hide them from everybody. */
export function checkSensitiveReaders(document: OntologyDocument, faults: FaultList): void {
  const check = (readers: string | undefined, base: string) => {
    if (readers !== undefined) {
      faults.take(compilePrincipalExpression('reader', readers, pointerTo(base, 'sensitiveReaders')));
    }
  };
  check(document.sensitiveReaders, '');
  for (const [name, type] of Object.entries(document.objectTypes)) {
    check(type.sensitiveReaders, pointerTo('/objectTypes', name));
  }
  for (const [name, action] of Object.entries(document.actionTypes ?? {})) {
    check(action.sensitiveReaders, pointerTo('/actionTypes', name));
  }
}
