/**
 * `npm run checkpoint-key -- [--witness] <name> <file>`: makes a key that signs checkpoints of audit logs, or a witness's that cosigns them, and prints what verifies
 * them. The name is a domain or a path below one.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readSigningKey, writeSigningKey } from '../audit/note-keys.ts';

const args = process.argv.slice(2);
const kind = args[0] === '--witness' ? 'witness' : 'log';
const [name = '', file = ''] = kind === 'witness' ? args.slice(1) : args;
if (!/^[^\s+]+$/.test(name) || file === '') {
  console.error('usage: npm run checkpoint-key -- [--witness] <name, without spaces and +> <file>');
  process.exit(2);
}
const text = writeSigningKey(name, kind, randomBytes(32));
writeFileSync(file, `${text}\n`, { mode: 0o600, flag: 'wx' });
console.log(readSigningKey(text, kind).verifierKey);
