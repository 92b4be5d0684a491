/** The headers that routes read, under the names that schemas give them. */
export const headerNames: Readonly<Record<string, string>> = {
  ifMatch: 'If-Match',
  idempotencyKey: 'Idempotency-Key',
  prefer: 'Prefer',
  lastEventId: 'Last-Event-ID',
};
