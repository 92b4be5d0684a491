// `npm run ontology` against an API over a database of its own: tests/support/database.ts.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { flightNetwork } from '../examples/flight-network/ontology.ts';
import { exitCodes, runOntologyCommand } from '../scripts/ontology/run-command.ts';
import { freePort } from '../scripts/processes/free-port.ts';
import { ApiScene } from './api/api-scene.ts';
import { building } from './store/fixture.ts';

const root = dirname(import.meta.dirname);
let scene: ApiScene;
let folder: string;
let token: string;

beforeAll(async () => {
  scene = await ApiScene.open();
  folder = mkdtempSync(join(tmpdir(), 'ontology-'));
  token = await scene.token({ id: 'ontology-admin-1' });
});
afterAll(async () => {
  await scene?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function run(...args: string[]) {
  const out: string[] = [];
  const error: string[] = [];
  const code = await runOntologyCommand(args, { out: (line) => out.push(line), error: (line) => error.push(line) });
  return { code, out: out.join('\n'), error: error.join('\n') };
}
const call = (command: string, ...more: string[]) => run(command, '--api', scene.url, '--token', token, ...more);
const file = (name: string, content: unknown) => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};
const changed = (change: (document: typeof building) => void) => {
  const document = structuredClone(building);
  change(document);
  return document;
};

it('pushes what a module exports, and pulls it back', async () => {
  const pushed = await call('push', '--file', join(root, 'examples/flight-network/ontology.ts'));
  expect(pushed).toMatchObject({ code: exitCodes.refused, error: expect.stringContaining('/actionTypes/') }); // Its function is not registered here.
  const module = file('building.ts', `export const office = ${JSON.stringify(building)};\nexport const helper = 1;\n`);
  expect(await call('push', '--file', module)).toMatchObject({
    code: exitCodes.done,
    out: expect.stringContaining('Version 1 is in force'),
  });
  expect(await call('push', '--file', module)).toMatchObject({ code: exitCodes.done, out: 'The document is the one in force.' });
  const { code, out } = await call('pull');
  expect({ code, document: JSON.parse(out) }).toEqual({ code: exitCodes.done, document: building });
  expect((await call('pull', '--file', join(folder, 'pulled.json'))).code).toBe(exitCodes.done);
  expect(JSON.parse(readFileSync(join(folder, 'pulled.json'), 'utf8'))).toEqual(building);
  expect((await call('pull', '--version', '7')).code).toBe(exitCodes.failed);
});

it('shows a difference for people and stores nothing', async () => {
  await scene.as({ id: 'keeper-1' }).propose('askFloor', { name: 'F1' });
  const document = file(
    'stricter.json',
    changed((d) => Object.assign(d.actionTypes.askFloor, { approvalPolicy: 'two-stage' })),
  );
  expect(await call('diff', '--file', document)).toEqual({
    code: exitCodes.done,
    error: '',
    out: `compatible:
  ~ /actionTypes/askFloor/approvalPolicy: the action does or asks something else; its version rises

askFloor: version 1 becomes 2; of the proposals that wait: 1 simulated again

It would be version 2; the data fits.`,
  });
});

it('asks before it stores what is breaking', async () => {
  const document = file(
    'breaking.json',
    changed((d) => Reflect.deleteProperty(d.actionTypes, 'join')),
  );
  const asked = await call('push', '--file', document);
  expect(asked).toMatchObject({
    code: exitCodes.unconfirmed,
    out: expect.stringContaining('breaking:\n  - /actionTypes/join'),
    error: expect.stringContaining('--yes'),
  });
  expect(await call('push', '--file', document, '--yes')).toMatchObject({
    code: exitCodes.done,
    out: expect.stringMatching(/Proposed, and simulating: GET \/v1\/proposals\/[0-9a-f-]{36}$/),
  });
});

it('tells a refused document from everything else that goes wrong', async () => {
  const faulty = file(
    'faulty.json',
    changed((d) => Object.assign(d.actionTypes.askFloor, { approvalPolicy: 'nobody' })),
  );
  expect(await call('diff', '--file', faulty)).toMatchObject({
    code: exitCodes.refused,
    error: expect.stringContaining('/actionTypes/askFloor/approvalPolicy: there is no approval policy nobody'),
  });
  const keeper = await scene.token({ id: 'keeper-1' });
  expect(await run('push', '--api', scene.url, '--token', keeper, '--file', faulty)).toMatchObject({
    code: exitCodes.failed,
    error: expect.stringContaining('403 forbidden'),
  });
  expect(await call('push', '--file', file('half.json', '{'))).toMatchObject({
    code: exitCodes.failed,
    error: expect.stringContaining('is no JSON'),
  });
  expect(await call('push', '--file', join(folder, 'none.json'))).toMatchObject({
    code: exitCodes.failed,
    error: expect.stringContaining('ENOENT'),
  });
  expect(await call('push', '--file', file('empty.ts', 'export const a = 1;'))).toMatchObject({
    code: exitCodes.failed,
    error: expect.stringContaining('exports no ontology document'),
  });
  const two = file('two.ts', 'export const a = { objectTypes: {} };\nexport const b = { objectTypes: {} };');
  expect(await call('diff', '--file', two)).toMatchObject({ code: exitCodes.failed, error: expect.stringContaining('--export') });
  expect((await call('diff', '--file', two, '--export', 'b')).code).toBe(exitCodes.done);
  expect(await run('pull', '--api', `http://127.0.0.1:${await freePort()}`, '--token', 'x')).toMatchObject({
    code: exitCodes.failed,
    error: expect.stringContaining('ECONNREFUSED'),
  });
  for (const args of [[], ['destroy'], ['pull'], ['pull', '--api', 'x', '--token', 'y'], ['push', '--nonsense']])
    expect(await run(...args)).toMatchObject({ code: exitCodes.usage, error: expect.stringContaining('usage: npm run ontology') });
  expect((await call('push')).code).toBe(exitCodes.usage);
});

it('ends the process with that code, and takes files from where the person is', async () => {
  file('other.json', flightNetwork);
  const env = { ...process.env, INIT_CWD: folder, EXEQUATUR_API: scene.url, EXEQUATUR_TOKEN: token };
  const child = execFile(process.execPath, [join(root, 'scripts/bootstrap.mjs'), 'scripts/ontology.ts', 'diff', '--file', 'other.json'], {
    env,
    cwd: root,
  });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  expect(code).toBe(exitCodes.refused);
});
