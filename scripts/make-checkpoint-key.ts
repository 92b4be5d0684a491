/** `npm run checkpoint-key -- <name> <file>`: makes a key that signs checkpoints of audit logs, and prints what verifies them. The name is a domain or a path below one. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readSigner, writeSigner } from '../audit/signed-note.ts';

const [name = '', file = ''] = process.argv.slice(2);
if (!/^[^\s+]+$/.test(name) || file === '') {
  console.error('usage: npm run checkpoint-key -- <name, without spaces and +> <file>');
  process.exit(2);
}
const text = writeSigner(name, randomBytes(32));
writeFileSync(file, `${text}\n`, { mode: 0o600, flag: 'wx' });
console.log(readSigner(text).verifierKey);
