import { findJavaProgram } from '../processes/java-program.ts';

// The first argument is the main class. The serial collector and small heap: one broker for one machine's development and tests.
const launcher = `#!/bin/sh
exec java -Xms128m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.disable.jmx=true -cp "$(dirname "$0")/lib/*" "$@"
`;

/** @returns the path of a program that runs a class of Kafka with its arguments */
export function findKafka(): Promise<string> {
  return findJavaProgram({
    title: 'Kafka',
    group: 'org.apache.kafka',
    artifact: 'kafka_2.13',
    version: '4.3.1',
    megabytes: 43,
    launcher,
  });
}
