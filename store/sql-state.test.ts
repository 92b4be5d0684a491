import { describe, expect, it } from 'vitest';
import { sqlStateOf } from './sql-state.ts';

const failure = (code: string): Error => Object.assign(new Error('away'), { code });

describe('an SQLSTATE', () => {
  it.each(['40001', '57P01', 'XQ001', 'XX000'])('is what PostgreSQL says: %s', (code) => {
    expect(sqlStateOf(new Error('wrapped', { cause: failure(code) }))).toBe(code);
  });

  it.each(['EPIPE', 'ECONNRESET', 'P2028'])('is nothing that the system or Prisma says: %s', (code) => {
    expect(sqlStateOf(failure(code))).toBeNull();
  });
});
