import { findProgram } from '../processes/find-program.ts';
import { installGoPrograms } from '../processes/install-go-program.ts';

const version = 'v1.4.2';

/** The `opa` on the PATH when there is one, else one built from source once and kept in the cache. */
export async function findOpa(): Promise<string> {
  const onPath = findProgram('opa');
  if (onPath) return onPath;
  const { opa } = await installGoPrograms({
    folder: `opa-${version}`,
    version,
    packages: { opa: 'github.com/open-policy-agent/opa' },
    expected: 'about 2 minutes on 2 cores, once',
  });
  return opa as string;
}
