/** What was sent, as far as pointers go into it. */
export interface Sent {
  url: string;
  headers: Readonly<Record<string, string>>;
  content?: string | Uint8Array | undefined;
}

interface Told {
  in: string;
  pointer: string;
  detail: string;
}

/** By place the names that an operation documents. */
type Documented = Readonly<Record<string, readonly string[]>>;

const partsOfActionTypes = ['criteria', 'rules', 'parameters', 'effects', 'checks', 'limits'];
const borrowed =
  /(?:^|: )(?:Invalid (?:input|option|string|number|key|value|discriminator|GUID|UUID|URL|ISO)|Too (?:big|small): |Unrecognized key)/;

/** What is wrong with the faults that a 400 or 422 tells: none at all, one that points at nothing, or one in the words of the library that reads shapes. Null where nothing is. */
export function wrongInFaults(documented: Documented, sent: Sent, faults: readonly Told[]): string | null {
  if (faults.length === 0) return 'without a fault';
  const astray = faults.find((fault) => !leadsSomewhere(documented, sent, fault));
  if (astray !== undefined) return `with a pointer that leads nowhere in its ${astray.in}: ${astray.pointer}`;
  const foreign = faults.find(({ detail }) => borrowed.test(detail));
  return foreign === undefined ? null : `in words of the library: ${foreign.detail}`;
}

function leadsSomewhere(documented: Documented, sent: Sent, fault: Told): boolean {
  if (fault.pointer === '') return true;
  if (fault.pointer.length === 1_000) return true; // Cut.
  const steps = fault.pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const [first = ''] = steps;
  switch (fault.in) {
    case 'body':
      return isIn(readBody(sent.content), steps);
    case 'query':
      return new URL(sent.url).searchParams.has(first) || documented.query?.includes(first) === true;
    case 'path':
      return documented.path?.includes(first) === true;
    case 'header':
      return new Headers(sent.headers).has(first) || documented.header?.includes(first) === true;
    case 'actionType':
      return partsOfActionTypes.includes((first === 'actions' ? steps[2] : first) ?? 'rules');
    default:
      return ['linkTypes', 'objectTypes', 'approvalPolicies', 'sensitiveReaders', 'endpoints'].includes(first);
  }
}

function readBody(content: Sent['content']): unknown {
  try {
    return content === undefined ? undefined : JSON.parse(typeof content === 'string' ? content : new TextDecoder().decode(content));
  } catch {
    return undefined;
  }
}

/** The last step may name what is missing, of an object or behind the end of a list. */
function isIn(value: unknown, [step = '', ...rest]: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (rest.length === 0) return true;
  const inner = Object.entries(value).find(([name]) => name.toWellFormed() === step);
  return inner !== undefined && isIn(inner[1], rest);
}
