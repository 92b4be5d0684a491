import { writeFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Answer, type Problem, type RestClient, restClient } from '../rest/rest-client.ts';
import { loadDocument } from './load-document.ts';
import { type Outcome, printOutcome, printProblem } from './print-outcome.ts';

/** Where a command writes. */
export interface Output {
  out(line: string): void;
  error(line: string): void;
}

/** A wire contract with whoever calls this from a pipeline. */
export const exitCodes = { done: 0, failed: 1, usage: 2, refused: 3, unconfirmed: 4 } as const;

const usage = `usage: npm run ontology -- <command> [options]

  diff --file F            what the document F would change, and whether the data fits; stores nothing
  push --file F [--yes]    send the document F, which is in force at once, or once another person has approved it;
                           a breaking change asks for --yes
  pull [--file F]          the document in force, to F or to stdout (npm run --silent); --version N for an earlier one

  --file F     a JSON document, or a TypeScript or JavaScript module that exports one
  --export E   which export of the module; by default its only one that is a document
  --api URL    the API; or EXEQUATUR_API in the environment
  --token T    a bearer token; or EXEQUATUR_TOKEN in the environment, where other users of the machine don't see it

exit codes: 0 done, 1 failed, 2 wrong usage, 3 the document is refused, 4 breaking and not confirmed`;

class UsageError extends Error {}

export async function runOntologyCommand(args: readonly string[], output: Output): Promise<number> {
  try {
    const { command, wishes } = readWishes(args);
    return await commands[command](wishes, output);
  } catch (error) {
    if (error instanceof UsageError) {
      output.error(`${error.message}\n\n${usage}`);
      return exitCodes.usage;
    }
    output.error(wordsOf(error));
    return exitCodes.failed;
  }
}

interface Wishes {
  client: RestClient;
  file: string | undefined;
  exported: string | undefined;
  version: string | undefined;
  yes: boolean;
}

type Command = (wishes: Wishes, output: Output) => Promise<number>;

const commands: Record<'push' | 'diff' | 'pull', Command> = { push, diff, pull };

async function diff(wishes: Wishes, output: Output): Promise<number> {
  const tried = await tryDocument(wishes.client, await readDocument(wishes), undefined);
  if (!tried.ok) return refused(tried, output);
  for (const line of printOutcome(tried.body)) output.out(line);
  return tried.body.accepted ? exitCodes.done : exitCodes.refused;
}

/** Tried first, and then stored only in place of the document that it was tried against: what is shown is what is done. */
async function push(wishes: Wishes, output: Output): Promise<number> {
  const document = await readDocument(wishes);
  const inForce = await wishes.client.get<Problem>('/v1/ontology');
  if (!inForce.ok && inForce.status !== 404) return refused(inForce, output);
  const tried = await tryDocument(wishes.client, document, inForce.etag);
  if (!tried.ok) return refused(tried, output);
  for (const line of printOutcome(tried.body)) output.out(line);
  if (!tried.body.changed) return exitCodes.done;
  if (!tried.body.accepted) return exitCodes.refused;
  if (tried.body.breaking && !wishes.yes) {
    output.error('Nothing was stored: some changes are breaking. Say --yes to go on.');
    return exitCodes.unconfirmed;
  }
  const stored = await wishes.client.put<Outcome & Problem>('/v1/ontology', document, ifMatch(inForce.etag));
  if (!stored.ok) return refused(stored, output);
  const { migration, proposal, version, digest } = stored.body;
  const isInForce = proposal === null || proposal.status === 'executed';
  if (!isInForce) output.out(`Proposed, and ${proposal.status.replaceAll('_', ' ')}: GET /v1/proposals/${proposal.id}`);
  if (migration !== null) output.out(`Then its objects are rewritten; how far that is: GET /v1/ontology/migrations/${proposal?.id}`);
  if (isInForce && migration === null) output.out(`Version ${version} is in force: ${digest}`);
  return exitCodes.done;
}

async function pull({ client, file, version }: Wishes, output: Output): Promise<number> {
  const answer = await client.get<Problem>(`/v1/ontology${version === undefined ? '' : `?version=${encodeURIComponent(version)}`}`);
  if (!answer.ok) return refused(answer, output);
  const text = JSON.stringify(answer.body, null, 2);
  if (file === undefined) output.out(text);
  else writeFileSync(absolute(file), `${text}\n`);
  return exitCodes.done;
}

function tryDocument(client: RestClient, document: unknown, etag: string | undefined): Promise<Answer<Outcome & Problem>> {
  return client.put<Outcome & Problem>('/v1/ontology?dryRun=true', document, ifMatch(etag));
}

function ifMatch(etag: string | undefined): Record<string, string> {
  return etag === undefined ? {} : { 'if-match': etag };
}

/** Faults of the document are its author's to mend; everything else is a failure. */
function refused(answer: Answer<Problem>, output: Output): number {
  for (const line of printProblem(answer)) output.error(line);
  return answer.status === 409 || answer.status === 422 ? exitCodes.refused : exitCodes.failed;
}

async function readDocument({ file, exported }: Wishes): Promise<unknown> {
  if (file === undefined) throw new UsageError('--file is missing');
  return loadDocument(absolute(file), exported);
}

/** npm runs scripts in the package's folder and says in INIT_CWD where the person is. */
function absolute(file: string): string {
  return isAbsolute(file) ? file : resolve(process.env.INIT_CWD ?? process.cwd(), file);
}

function readWishes(args: readonly string[]): { command: keyof typeof commands; wishes: Wishes } {
  const { values, positionals } = parsed(args);
  const [command = '', ...more] = positionals;
  if (!Object.hasOwn(commands, command) || more.length > 0)
    throw new UsageError(command === '' ? 'a command is missing' : `there is no command ${positionals.join(' ')}`);
  const api = values.api ?? process.env.EXEQUATUR_API;
  const token = values.token ?? process.env.EXEQUATUR_TOKEN;
  if (api === undefined || token === undefined) throw new UsageError(`${api === undefined ? '--api' : '--token'} is missing`);
  if (!URL.canParse(api)) throw new UsageError('--api is no URL');
  return {
    command: command as keyof typeof commands,
    wishes: {
      client: restClient(api.replace(/\/+$/, ''), token),
      file: values.file,
      exported: values.export,
      version: values.version,
      yes: values.yes === true,
    },
  };
}

function parsed(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    const options = { api: text, token: text, file: text, export: text, version: text, yes: { type: 'boolean' } } as const;
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(wordsOf(error));
  }
}

/** With the cause, which is where fetch says that nobody answers. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${wordsOf(error.cause)}`;
}
