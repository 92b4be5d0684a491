const patienceMs = 1_000; // Probes come every few seconds and must not pile up.

/** As much of a connection, of the client's or the worker's, as it takes to ask. */
interface Asked {
  withDeadline<R>(deadline: number, ask: () => Promise<R>): Promise<R>;
  readonly workflowService: { describeNamespace(request: { namespace: string }): Promise<unknown> };
}

/** Whether Temporal knows the namespace: a server may be well that has none such. @throws where it does not, or does not answer within a second */
export async function isTemporalUp(connection: Asked, namespace: string): Promise<true> {
  await connection.withDeadline(Date.now() + patienceMs, () => connection.workflowService.describeNamespace({ namespace }));
  return true;
}
