import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Removal } from './removal.ts';

const folders: Record<Removal['lane'], readonly string[]> = {
  gate: ['policy', 'ontology', 'tests/governance', 'tests/store', 'tests/api'],
  store: ['tests/store', 'tests/governance', 'tests/api', 'tests/database'],
  door: ['tests/database', 'tests/store', 'tests/governance'],
};

/**
 * The test files that could notice, those first that are likely to: the few first, then more, then all. Each of these groups is a run of its own, so that what is
 * noticed soon costs little.
 */
export function likelyTests(root: string, { lane, where, hints }: Removal, noticedBefore: string | undefined): string[][] {
  const words = [basename(where, '.ts').replace('()', ''), ...hints];
  const all = folders[lane].flatMap((folder, rank) =>
    testFilesIn(root, folder).map((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      const named = words.filter((word) => path.includes(word) || text.includes(word)).length;
      return { path, score: (path === noticedBefore ? 100 : 0) + named * 10 - rank };
    }),
  );
  const inOrder = all.sort((a, b) => b.score - a.score).map(({ path }) => path);
  return [inOrder.slice(0, 3), inOrder.slice(3, 12), inOrder.slice(12)].filter((group) => group.length > 0);
}

function testFilesIn(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `${folder}/${name}`);
}
