/**
 * Provides Temporal's Java test server, whose clock skips ahead while workflows only wait: three days of expiry pass in a moment.
 */
import { findJavaProgram } from './processes/java-program.ts';

// The first compiler tier and the serial collector: the server lives for seconds, so start-up counts and throughput does not.
const launcher = `#!/bin/sh
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx256m -cp "$(dirname "$0")/lib/*" io.temporal.testserver.TestServer "$@"
`;

/** @returns the path of a program that takes a port as its first argument, as the SDK's test environment starts it (`executable: { type: 'existing-path', path }`). */
export function findTimeSkippingServer(): Promise<string> {
  return findJavaProgram({
    title: 'the Temporal test server',
    group: 'io.temporal',
    artifact: 'temporal-test-server',
    version: '1.32.0',
    megabytes: 33,
    launcher,
  });
}
