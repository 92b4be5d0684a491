/** How many times as much as in `npm test` the tests of drawn cases draw: `npm run soak -- drawn` says it. */
export const times = Number(process.env.EXEQUATUR_TIMES ?? 1);
