import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from '../generated/prisma/client.ts';
import { statementName } from './statement-name.ts';

const clients = new WeakMap<pg.PoolClient, PrismaClient>();

/**
 * Prisma on one connection of a pool, on which a tenant's transaction is open. Its own interactive transactions would take a round trip each for BEGIN, the tenant,
 * the audit entries and COMMIT, would hold the head of the audit chain meanwhile, and could be opened without a tenant. A client costs about 3 MB.
 */
export function prismaOn(connection: pg.PoolClient): PrismaClient {
  const known = clients.get(connection);
  if (known !== undefined) return known;
  const adapter = new PrismaPg(new OneConnection(connection), {
    schema: 'exequatur',
    statementNameGenerator: ({ sql }: { sql: string }) => statementName(sql),
  });
  const client = new PrismaClient({ adapter, errorFormat: 'minimal' }); // The longer forms quote the arguments of the call, values included.
  clients.set(connection, client);
  return client;
}

/** What Prisma takes for its pool. */
class OneConnection extends pg.Pool {
  constructor(connection: pg.PoolClient) {
    super();
    this.query = connection.query.bind(connection) as pg.Pool['query'];
  }

  override connect(): never {
    throw new Error('Prisma opens no transactions of its own');
  }
}
