import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from '../generated/prisma/client.ts';
import { statementName } from './statement-name.ts';

type HearFailure = (error: unknown) => void;

const known = new WeakMap<pg.PoolClient, { client: PrismaClient; connection: OneConnection }>();

/**
 * Prisma on one connection of a pool, on which a tenant's transaction is open. Its own interactive transactions would take a round trip each for BEGIN, the tenant,
 * the audit entries and COMMIT, would hold the head of the audit chain meanwhile, and could be opened without a tenant. A client costs about 3 MB.
 * `hear` is told of what fails as soon as PostgreSQL answers; Prisma itself tells it later, when statements behind may have failed and said so.
 */
export function prismaOn(pooled: pg.PoolClient, hear: HearFailure): PrismaClient {
  let on = known.get(pooled);
  if (on === undefined) {
    const connection = new OneConnection(pooled);
    const adapter = new PrismaPg(connection, {
      schema: 'exequatur',
      statementNameGenerator: ({ sql }: { sql: string }) => statementName(sql),
    });
    on = { client: new PrismaClient({ adapter }), connection };
    known.set(pooled, on);
  }
  on.connection.hear = hear;
  return on.client;
}

/** What Prisma takes for its pool. */
class OneConnection extends pg.Pool {
  hear: HearFailure = () => {};

  constructor(pooled: pg.PoolClient) {
    super();
    const query = pooled.query.bind(pooled) as (...asked: unknown[]) => Promise<unknown>;
    const heard = (...asked: unknown[]) => {
      const { hear } = this;
      return query(...asked).catch((error: unknown) => {
        hear(error);
        throw error;
      });
    };
    this.query = heard as pg.Pool['query'];
  }

  override connect(): never {
    throw new Error('Prisma opens no transactions of its own');
  }
}
