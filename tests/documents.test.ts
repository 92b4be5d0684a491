import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };

const root = dirname(import.meta.dirname);
const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** A file or folder of the checkout, in a code span: it has a slash or the ending of a file. Routes start with a slash; what is made at run time lies under ~ or .exequatur. */
const isPath = (span: string) =>
  /^[\w*-][\w.*-]*(\/[\w.*-]+)*\/?$/.test(span) && (span.includes('/') || /\.(ts|mjs|json|md|yml|sql)$|^[A-Z]\w*file$/.test(span));

/** A star stands for any part of one name, as it does in a shell. */
function isThere(path: string): boolean {
  let found = [root];
  for (const segment of path.split('/').filter((name) => name !== '')) {
    const pattern = new RegExp(`^${segment.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
    found = found.flatMap((folder) =>
      segment.includes('*')
        ? readdirSync(folder)
            .filter((name) => pattern.test(name))
            .map((name) => join(folder, name))
        : join(folder, segment),
    );
    found = found.filter((at) => existsSync(at));
  }
  return found.length > 0;
}

describe.each(documents)('%s', (name) => {
  const text = readFileSync(join(root, name), 'utf8');

  it('names only npm scripts that there are', () => {
    const scripts = [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)].map((match) => match[1] ?? match[2] ?? '');
    expect(scripts.filter((script) => !(script in manifest.scripts))).toEqual([]);
  });

  it('names only files and folders that there are', () => {
    const spans = [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '');
    expect(spans.filter((span) => isPath(span) && !isThere(span))).toEqual([]);
  });

  it('links only to files that there are', () => {
    const targets = [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !/^\w+:/.test(target));
    expect(targets.filter((target) => !existsSync(join(root, dirname(name), target)))).toEqual([]);
  });
});

/** Without its comments. */
const code = ['ontology', 'store', 'store/saga', 'activities', 'activities/effects', 'workflows']
  .flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(root, folder, name), 'utf8')),
  )
  .join('\n')
  .replace(/^ *(\/\/|\/?\*).*$/gm, '');

/** Whatever does, orders or takes back steps that a crash may part. A file that is only a piece of one needs no table. */
const sagas = [
  'ontology/saga.ts',
  'ontology/effects-in-set.ts',
  'ontology/revert-effects.ts',
  'store/execute-proposal.ts',
  'store/saga/advance-saga.ts',
  'activities/effects/perform-step.ts',
  ...[...readFileSync(join(root, 'workflows/workflows.ts'), 'utf8').matchAll(/from '\.\/(.+)'/g)].map((match) => `workflows/${match[1]}`),
];

describe.each(sagas)('the saga %s', (name) => {
  const text = readFileSync(join(root, name), 'utf8');
  const [head = ''] = text.split(/^(?!\/\/)/m);
  const table = head.split('\n').filter((line) => line.startsWith('// |'));

  it('begins with its steps: what each does, how it is undone, under which key, and what a crash leaves', () => {
    const cells = table.map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
    expect(cells[0]?.map((cell) => cell.replace(/ .*/, ''))).toEqual(['step', 'do', 'undo', 'key', 'after']);
    expect(cells.length).toBeGreaterThan(2);
    expect(cells.filter((row) => row.length !== 5 || row.includes(''))).toEqual([]);
  });

  it('names there only what the code has', () => {
    const named = [...head.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? '');
    expect(named.filter((word) => !code.includes(word))).toEqual([]);
  });
});
