/** Checks that no test can miss, because another one answers the same: the beginning of its name, and why. Each is printed with its reason. */
export const redundantChecks: readonly { name: string; because: string }[] = [
  ...['ontology/admits-proposer.ts', 'policy/decide-read-sensitive.ts', 'policy/decide-review-emergency.ts'].map((path) => ({
    name: `gate  ${path}  'expression' in outcome`,
    because: 'admits() computes nothing without an expression, and what cannot be computed admits nobody; this is for the compiler',
  })),
  {
    name: 'gate  ontology/quorum.ts  expression !== null',
    because: 'admits() computes nothing without an expression, and what cannot be computed admits nobody; this is for the compiler',
  },
  {
    name: 'gate  ontology/broken-glass.ts  requirement.breakGlass !== undefined',
    because: 'whoever asks has asked first whether the policy provides for emergencies; this is for the compiler',
  },
];
