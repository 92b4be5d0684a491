import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Stack } from '../stack/start-stack.ts';
import { writeWhole } from '../stack/write-whole.ts';

/** Tells other programs where everything is. It exists exactly while the stack is up and both tenants are loaded; development keys only. */
export function writeReadyFile(directory: string, stack: Stack): string {
  const { apiUrl, temporalAddress, postgresUrls, verifierKeys, tenants } = stack;
  const path = join(directory, 'ready.json');
  const content = {
    apiUrl,
    temporalUiUrl: stack.temporalUiUrl ?? null,
    temporalAddress,
    kafkaBrokers: stack.kafkaBrokers ?? null,
    postgresUrls,
    verifierKeys,
    tenants,
  };
  writeWhole(path, `${JSON.stringify(content, null, 2)}\n`, 0o600);
  return path;
}

export function removeReadyFile(directory: string): void {
  rmSync(join(directory, 'ready.json'), { force: true });
}
