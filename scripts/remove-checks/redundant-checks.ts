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
  {
    name: "door  begin_execution()  XQ006 an execution begins from approved or scheduled, in time, not from %: was NOT IN ('approved', 'scheduled')",
    because: 'guard_proposal() knows no other way into `executing`, with the same code',
  },
  {
    name: 'door  put_setting()  XQ001 other definitions are in force: EXISTS (SELECT FROM ontology_migration',
    because: 'a migration that runs has put another document in force, which the condition beside it finds',
  },
  {
    name: 'door  end_migration()  XQ006 the migration cannot end like that: (SELECT max(o.version)',
    because: 'put_setting() puts no other definitions in force while a migration runs, and found_setting() none where there are any',
  },
  {
    name: 'door  put_setting()  XQ004 there is no such setting',
    because: 'check_surface() admits no other type, with the same code',
  },
  {
    name: 'door  second_people()  XQ003 a plan changes one setting',
    because: 'the ceilings of built-in action types are one edit, which check_surface() asks before; a plan without edits finds no setting',
  },
];
