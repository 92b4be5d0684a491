import { z } from 'zod';

const longestWaitSeconds = 60; // Proxies in between commonly end a silent request after a minute.

/** RFC 7240. Preferences that are not understood are ignored, as the RFC asks. Seconds. */
export const preferWait = z
  .string()
  .optional()
  .transform((given) => Math.min(longestWaitSeconds, Number(/(?:^|[,;\s])wait\s*=\s*(\d{1,4})(?:$|[,;\s])/.exec(given ?? '')?.[1] ?? 0)))
  .describe(`\`wait=<seconds>\`, at most ${longestWaitSeconds}: answer when the proposal is in a final state, or when the time is over.`);

export const preferenceApplied = { 'Preference-Applied': 'Present when the answer waited.' };
