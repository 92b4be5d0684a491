/**
 * Provides Temporal's Java test server, whose clock skips ahead while workflows only wait: three days of expiry pass in a moment. Its jars come from Maven
 * Central once, into the cache.
 */
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './bootstrap/lock-file.mjs';
import { run, withProgress } from './bootstrap/progress.mjs';
import { cacheDirectory } from './processes/cache-directory.ts';
import { findProgram, isProgram } from './processes/find-program.ts';

const serverVersion = '1.32.0';
const dependencyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1';

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>exequatur</groupId>
  <artifactId>time-skipping-server</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>io.temporal</groupId>
      <artifactId>temporal-test-server</artifactId>
      <version>${serverVersion}</version>
    </dependency>
  </dependencies>
</project>
`;

// The first compiler tier and the serial collector: the server lives for seconds, so start-up counts and throughput does not.
const launcher = `#!/bin/sh
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx256m -cp "$(dirname "$0")/lib/*" io.temporal.testserver.TestServer "$@"
`;

/** @returns the path of a program that takes a port as its first argument, as the SDK's test environment starts it (`executable: { type: 'existing-path', path }`). */
export async function findTimeSkippingServer(): Promise<string> {
  const directory = cacheDirectory(`temporal-test-server-${serverVersion}`);
  const program = join(directory, 'temporal-test-server');
  if (isProgram(program)) return program;
  if (!findProgram('java')) throw new Error('The time-skipping tests need Java 17 on the PATH.');
  await withLock(`${directory}.lock`, 'downloading the Temporal test server', async () => {
    if (isProgram(program)) return;
    await withProgress(`downloading the Temporal test server ${serverVersion} from Maven Central (33 MB, once)`, () => download(directory));
  });
  return program;
}

async function download(directory: string): Promise<void> {
  const unfinished = `${directory}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  writeFileSync(join(unfinished, 'pom.xml'), pom);
  const maven = findProgram('mvn');
  if (maven === undefined) throw new Error('The time-skipping tests need Maven on the PATH.');
  await run(maven, ['-q', '-B', `${dependencyPlugin}:copy-dependencies`, '-DoutputDirectory=lib', '-DincludeScope=runtime'], {
    cwd: unfinished,
  });
  writeFileSync(join(unfinished, 'temporal-test-server'), launcher);
  chmodSync(join(unfinished, 'temporal-test-server'), 0o755);
  rmSync(directory, { recursive: true, force: true });
  renameSync(unfinished, directory);
}
