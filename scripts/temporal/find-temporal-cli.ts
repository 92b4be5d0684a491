import { findProgram } from '../processes/find-program.ts';
import { installGoPrograms } from '../processes/install-go-program.ts';

const cliVersion = 'v1.5.1'; // Later versions of the command line tool do not install with `go install`: their go.mod carries replace directives.

/** The `temporal` on the PATH when there is one, else one built from source once and kept in the cache. */
export async function findTemporalCli(): Promise<string> {
  const onPath = findProgram('temporal');
  if (onPath) return onPath;
  const { temporal } = await installGoPrograms({
    folder: `temporal-cli-${cliVersion}`,
    version: cliVersion,
    packages: { temporal: 'github.com/temporalio/cli/cmd/temporal' },
    expected: 'about 4 minutes on 2 cores, once',
  });
  return temporal as string;
}
