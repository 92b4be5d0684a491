import type { Answer, Problem } from '../rest/rest-client.ts';

/** What the command reads of an upload's answer; the API's own document (openapi.json) has it whole. */
export interface Outcome {
  version: number;
  digest: string;
  changed: boolean;
  accepted: boolean;
  breaking: boolean;
  changes: { pointer: string; kind: 'added' | 'removed' | 'changed'; code: string; impact: 'compatible' | 'breaking'; message: string }[];
  /** What another person has to approve. */
  loosens: { pointer: string; message: string }[];
  faults: Fault[];
  proposal: { id: string; status: string } | null;
  migration: { rules: { objectType: string; objects: number; batches: number }[] } | null;
  redefined: { name: string; from: number | null; to: number | null; waiting: { simulatedAgain: number; kept: number; ended: number } }[];
}

interface Fault {
  pointer: string;
  message?: string;
  detail?: string;
  objects?: { type: string; id: string }[];
  count?: number;
}

const signs = { added: '+', removed: '-', changed: '~' } as const;

/** An upload as a page to read: what breaks first, then the rest, then what it means for what waits, then what does not fit. */
export function printOutcome({ changed, version, changes, loosens, faults, redefined, migration }: Outcome): string[] {
  if (!changed) return ['The document is the one in force.'];
  const lines: string[] = [];
  for (const impact of ['breaking', 'compatible'] as const) {
    const found = changes.filter((change) => change.impact === impact);
    if (found.length === 0) continue;
    lines.push(`${impact}:`, ...found.map(({ kind, pointer, message }) => `  ${signs[kind]} ${pointer}: ${message}`), '');
  }
  for (const { name, from, to, waiting } of redefined) {
    const step = from === null ? `new, version ${to}` : to === null ? `version ${from} is retired` : `version ${from} becomes ${to}`;
    lines.push(`${name}: ${step}${wordsOf(waiting)}`);
  }
  if (redefined.length > 0) lines.push('');
  if (loosens.length > 0)
    lines.push('Another person has to approve:', ...loosens.map(({ pointer, message }) => `  ${pointer}: ${message}`), '');
  if (faults.length > 0) lines.push('The data does not fit:', ...faults.flatMap(printFault));
  if (migration !== null) return [...lines, '', 'Its migrations make it fit:', ...migration.rules.map(printRule)];
  if (faults.length > 0) return lines;
  return [...lines, `It would be version ${version}; the data fits.`];
}

function printRule({ objectType, objects, batches }: NonNullable<Outcome['migration']>['rules'][number]): string {
  return `  ${objectType}: ${objects} objects in ${batches} ${batches === 1 ? 'proposal' : 'proposals'}`;
}

function wordsOf({ simulatedAgain, kept, ended }: Outcome['redefined'][number]['waiting']): string {
  const words = [
    [simulatedAgain, 'simulated again'],
    [kept, 'kept on their version'],
    [ended, 'ended'],
  ].flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`]));
  return words.length === 0 ? '' : `; of the proposals that wait: ${words.join(', ')}`;
}

/** A refusal, with each of its faults. */
export function printProblem({ status, body }: Answer<Problem & { errors?: Fault[] }>): string[] {
  const title = body.title ?? 'The API answered something that is no problem document.';
  return [`${status} ${body.code ?? ''}: ${title}`, ...(body.errors ?? []).flatMap(printFault)];
}

function printFault({ pointer, message, detail, objects = [], count }: Fault): string[] {
  const shown = objects.map(({ type, id }) => `${type} ${id}`).join(', ');
  const more = count !== undefined && count > objects.length ? `, and ${count - objects.length} more` : '';
  return [`  ${pointer}: ${message ?? detail ?? ''}`, ...(shown === '' ? [] : [`    ${count ?? objects.length}: ${shown}${more}`])];
}
