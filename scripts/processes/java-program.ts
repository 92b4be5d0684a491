/** Programs that are jars of Maven Central: fetched once, with all that they depend on, into the cache. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../bootstrap/lock-file.mjs';
import { run, withProgress } from '../bootstrap/progress.mjs';
import { cacheDirectory } from './cache-directory.ts';
import { findProgram, isProgram } from './find-program.ts';

export interface JavaProgram {
  /** For reading, such as `the Temporal test server`. */
  title: string;
  group: string;
  artifact: string;
  version: string;
  megabytes: number;
  /** Shell script that runs it; the jars are in `lib` beside it. */
  launcher: string;
}

const dependencyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1';

/** @returns the path of the launcher */
export async function findJavaProgram(program: JavaProgram): Promise<string> {
  const directory = cacheDirectory(`${program.artifact}-${program.version}`);
  const path = join(directory, program.artifact);
  if (isProgram(path)) return path;
  for (const needed of ['java', 'mvn']) {
    if (!findProgram(needed)) throw new Error(`For ${program.title}, ${needed} must be on the PATH.`);
  }
  await withLock(`${directory}.lock`, `downloading ${program.title}`, async () => {
    if (isProgram(path)) return;
    const what = `downloading ${program.title} ${program.version} from Maven Central (${program.megabytes} MB, once)`;
    await withProgress(what, () => download(program, directory));
  });
  return path;
}

async function download(program: JavaProgram, directory: string): Promise<void> {
  const unfinished = `${directory}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  writeFileSync(join(unfinished, 'pom.xml'), projectOf(program));
  const args = ['-q', '-B', `${dependencyPlugin}:copy-dependencies`, '-DoutputDirectory=lib', '-DincludeScope=runtime'];
  await run(findProgram('mvn') ?? 'mvn', args, { cwd: unfinished });
  writeFileSync(join(unfinished, program.artifact), program.launcher, { mode: 0o755 });
  rmSync(directory, { recursive: true, force: true });
  renameSync(unfinished, directory);
}

function projectOf({ group, artifact, version }: JavaProgram): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>exequatur</groupId>
  <artifactId>program</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>${group}</groupId>
      <artifactId>${artifact}</artifactId>
      <version>${version}</version>
    </dependency>
  </dependencies>
</project>
`;
}
