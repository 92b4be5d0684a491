/**
 * Keeps uploads of definitions and executions apart: an object written while an upload is being checked against the data might not fit what the upload says. An advisory
 * lock, because the API's login may lock no row that executions lock, and because nobody overtakes whoever waits for it alone. It belongs right behind the proposal and
 * before the tenant's control row in the order of locks.
 */
const key = `hashtextextended('exequatur.definitions/' || current_setting('app.tenant'), 0)`;

/** SQL. Uploads: alone in the tenant until the transaction ends. */
export const lockDefinitionsAlone = `pg_advisory_xact_lock(${key})`;

/** SQL. Executions: together with other executions. */
export const lockDefinitionsShared = `pg_advisory_xact_lock_shared(${key})`;

/** SQL. The execution of a proposal row `p`: alone where it changes what others go by. */
export const lockDefinitionsFor = (p: string): string =>
  `CASE WHEN exequatur.governs(${p}.action_type) THEN ${lockDefinitionsAlone} ELSE ${lockDefinitionsShared} END`;
