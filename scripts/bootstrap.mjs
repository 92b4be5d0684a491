/**
 * The door every npm script goes through, so that each works as the first command after a clone. It MUST run on a bare Node: plain JavaScript,
 * nothing imported from node_modules before the packages are there. A step that is up to date costs a few milliseconds and says nothing.
 *
 * Usage: node scripts/bootstrap.mjs <script.ts> [arguments]
 */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { generatePrismaClient, prismaClientIsCurrent } from './bootstrap/generate-prisma-client.mjs';
import { installPackages, packagesAreInstalled } from './bootstrap/install-packages.mjs';
import { withLock } from './bootstrap/lock-file.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const minimumNode = { major: 20, minor: 19 };

function refuseOldNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > minimumNode.major || (major === minimumNode.major && minor >= minimumNode.minor)) return;
  console.error(`Exequatur needs Node ${minimumNode.major}.${minimumNode.minor} or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

async function bootstrap() {
  if (packagesAreInstalled(root) && prismaClientIsCurrent(root)) return;
  // Asked again under the lock: another process may have done the work while this one waited for it.
  await withLock(join(root, '.exequatur', 'bootstrap.lock'), 'installing packages', async () => {
    if (!packagesAreInstalled(root)) await installPackages(root);
    if (!prismaClientIsCurrent(root)) await generatePrismaClient(root);
  });
}

const [script, ...rest] = process.argv.slice(2);
refuseOldNode();
// What runs on this machine is never asked for through a proxy; gRPC would send even loopback there.
for (const name of ['NO_PROXY', 'no_proxy'])
  process.env[name] = [process.env[name], '127.0.0.1', 'localhost', '::1'].filter(Boolean).join(',');
process.env.EXEQUATUR_STARTED_AT ??= String(Date.now());
// As a shell counts it; what installs packages ends with us.
const interrupted = () => process.exit(130);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, interrupted);
try {
  await bootstrap();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, interrupted);
if (script) {
  // The script runs in this very process, so that a signal or a kill sent to the command reaches what it started, with no process in between.
  const { register } = await import('tsx/esm/api');
  register();
  const file = resolve(root, script);
  process.chdir(root);
  process.argv = [process.execPath, file, ...rest];
  await import(pathToFileURL(file).href);
}
