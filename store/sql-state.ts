/** What PostgreSQL said was wrong, dug out of node-postgres or Prisma errors. Codes are matched, never message texts. */
export interface DatabaseError {
  code: string;
  message: string;
  detail: string | null;
}

/** Every SQLSTATE has a digit; a system error such as `EPIPE` has five capitals and none. */
const sqlState = /^(?=.*\d)[0-9A-Z]{5}$/;

export function databaseErrorOf(error: unknown): DatabaseError | null {
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 8; depth++) {
    const here = at as Record<string, unknown>;
    // Prisma keeps the database's own code under `originalCode` of the adapter's error.
    const code = here.originalCode ?? here.code;
    if (typeof code === 'string' && sqlState.test(code) && !/^P[1-9]\d{3}$/.test(code)) {
      return {
        code,
        message: String(here.originalMessage ?? here.message ?? ''),
        detail: typeof here.detail === 'string' ? here.detail : null,
      };
    }
    if (code === 'P2034') return { code: '40001', message: String(here.message ?? ''), detail: null };
    at = (here.meta as Record<string, unknown> | undefined)?.driverAdapterError ?? here.cause;
  }
  return null;
}

export function sqlStateOf(error: unknown): string | null {
  return databaseErrorOf(error)?.code ?? null;
}
