/**
 * Generates the Prisma client from prisma/schema.prisma when the schema or Prisma itself has changed since.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, withProgress } from './progress.mjs';

/** @param {string} root */
export function prismaClientIsCurrent(root) {
  if (!existsSync(schemaOf(root))) return true;
  try {
    return readFileSync(stampOf(root), 'utf8') === fingerprint(root);
  } catch {
    return false;
  }
}

/** @param {string} root */
export async function generatePrismaClient(root) {
  await withProgress('generating the Prisma client', async () => {
    const prisma = join(root, 'node_modules', 'prisma', 'build', 'index.js');
    // Generating needs no schema engine, yet the command line tool downloads one unless it is told of a program; any program that exists will do.
    const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' };
    await run(process.execPath, [prisma, 'generate', '--schema', schemaOf(root)], { cwd: root, env });
    // Written last, and only now: an interrupted generation is done again.
    mkdirSync(join(root, 'generated'), { recursive: true });
    writeFileSync(stampOf(root), fingerprint(root));
  });
}

/** @param {string} root */
const schemaOf = (root) => join(root, 'prisma', 'schema.prisma');
/** @param {string} root */
const stampOf = (root) => join(root, 'generated', '.fingerprint');

/** @param {string} root */
function fingerprint(root) {
  const version = JSON.parse(readFileSync(join(root, 'node_modules', 'prisma', 'package.json'), 'utf8')).version;
  return createHash('sha256')
    .update(readFileSync(schemaOf(root)))
    .update(version)
    .digest('hex');
}
