/** One Kafka broker, its own controller (KRaft), over a directory: what `npm run dev -- --kafka`, the tests and the benchmarks publish to. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from '../bootstrap/progress.mjs';
import { freePort } from '../processes/free-port.ts';
import { endPrevious, type LeashedProgram, startLeashed } from '../processes/leashed-program.ts';
import { findKafka } from './find-kafka.ts';

export interface KafkaBroker {
  /** host:port */
  address: string;
  ports: KafkaPorts;
  /** Settles when the broker has ended, with words for why. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

export interface KafkaPorts {
  clients: number;
  controller: number;
}

export interface KafkaBrokerOptions {
  /** Holds its logs; a later start goes on from them. */
  directory: string;
  preferredPort?: number | undefined;
  /** These and no others: of a broker that is started again. */
  ports?: KafkaPorts | undefined;
  /** Of server.properties, beside what it needs here. */
  settings?: (ports: KafkaPorts) => Record<string, string>;
}

const startTimeoutMs = 180_000; // Some seconds by itself; a machine that does other things with priority takes minutes.

export async function startKafkaBroker(options: KafkaBrokerOptions): Promise<KafkaBroker> {
  const kafka = await findKafka();
  const { directory } = options;
  mkdirSync(directory, { recursive: true });
  const pidFile = join(directory, 'broker.pid');
  await endPrevious(pidFile);
  const ports = options.ports ?? (await choosePorts(options.preferredPort));
  const properties = join(directory, 'server.properties');
  writeFileSync(properties, propertiesOf(options, ports));
  writeFileSync(join(directory, 'log4j2.yaml'), quietLogs);
  if (!existsSync(join(directory, 'logs', 'meta.properties'))) await format(kafka, directory, properties);
  const program = startLeashed({
    name: 'Kafka',
    command: kafka,
    args: [`-Dlog4j2.configurationFile=${join(directory, 'log4j2.yaml')}`, 'kafka.Kafka', properties],
    pidFile,
  });
  if (!(await accepts(program, ports.clients))) {
    const said = program.tail();
    await program.stop();
    throw new Error(`Kafka did not start. ${said}`);
  }
  return { address: `127.0.0.1:${ports.clients}`, ports, ended: program.ended, stop: () => program.stop() };
}

async function choosePorts(preferred: number | undefined): Promise<KafkaPorts> {
  const clients = await freePort(preferred);
  return { clients, controller: await freePort(0, new Set([clients])) };
}

function propertiesOf({ directory, settings }: KafkaBrokerOptions, ports: KafkaPorts): string {
  const { clients, controller } = ports;
  const all: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${clients},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${clients}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(directory, 'logs'),
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    ...settings?.(ports),
  };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

const quietLogs = `Configuration:
  Appenders:
    Console:
      name: STDOUT
      PatternLayout:
        pattern: "%p %m (%c)%n"
  Loggers:
    Root:
      level: ERROR
      AppenderRef:
        - ref: STDOUT
`;

async function format(kafka: string, directory: string, properties: string): Promise<void> {
  rmSync(join(directory, 'logs'), { recursive: true, force: true });
  const cluster = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64url');
  await run(kafka, ['kafka.tools.StorageTool', 'format', '--standalone', `--cluster-id=${cluster}`, '-c', properties]);
}

/** The port opens only once the broker serves. */
async function accepts(program: LeashedProgram, port: number): Promise<boolean> {
  const deadline = Date.now() + startTimeoutMs;
  while (Date.now() < deadline && !program.hasEnded()) {
    if (await isOpen(port)) return true;
    await delay(100);
  }
  return false;
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket
      .once('connect', () => {
        socket.destroy();
        resolve(true);
      })
      .once('error', () => resolve(false));
  });
}
