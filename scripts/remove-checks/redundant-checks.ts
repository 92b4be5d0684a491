/**
 * Checks that no test can miss, because another one answers the same: the beginning of its name, what comes right after it where others of its function have the same name, and why.
 * Each is printed with its reason.
 */
export const redundantChecks: readonly { name: string; followedBy?: string; because: string }[] = [
  ...['ontology/admits-proposer.ts', 'policy/decide-read-sensitive.ts', 'policy/decide-review-emergency.ts'].map((path) => ({
    name: `gate  ${path}  'expression' in outcome`,
    because: 'admits() computes nothing without an expression, and what cannot be computed admits nobody; this is for the compiler',
  })),
  {
    name: 'gate  ontology/resolve-requirement.ts  condition === undefined',
    because: 'compute() asks a stage whose condition cannot be computed, and none cannot; this is for the compiler',
  },
  {
    name: "gate  ontology/resolve-requirement.ts  typeof value === 'number'",
    because: 'a ceiling is of a numeric parameter, and what is not there is under none; this is for the compiler',
  },
  {
    name: 'gate  ontology/quorum.ts  expression !== null',
    because: 'admits() computes nothing without an expression, and what cannot be computed admits nobody; this is for the compiler',
  },
  {
    name: 'gate  policy/decide-break-glass.ts  requirement === null',
    because: 'a requirement that is not there has no rule for emergencies, which the condition beside it finds; this is for the compiler',
  },
  {
    name: 'gate  policy/is-on-side-of.ts  one != null',
    because: 'among those behind something nobody is null; this is for the compiler',
  },
  {
    name: 'gate  ontology/quorum.ts  otherAt !== at',
    because: 'isNewer() finds no review newer than itself: its instant, its decision, its key and its place are its own',
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
    name: "door  counted_since()  ends others = '{}'",
    because: 'of no other plans there is none that was read later, which is answered alike; this spares the question',
  },
  {
    name: 'door  counting_reviews()  where n.id <> g.id',
    because: 'no approval is later than itself, or refused or of a larger id at its own instant; this is for whoever reads it',
  },
  {
    name: "door  glass_in_force()  where f.floor ? 'glass'",
    because: 'where nothing provides for emergencies there are no roles for them, of which the condition after the next asks',
  },
  {
    name: 'door  stopped_by()  where x.id IS NOT NULL',
    because: 'a null among those behind a proposal names no switch and nobody who is disabled; this is for whoever reads it',
  },
  {
    name: 'door  stopped_by()  where w.acts_for IS NOT NULL',
    because: 'a null among those behind a proposal names no switch and nobody who is disabled, and leads to nobody else',
  },
  {
    name: 'door  hold_types()  XQ003 there is no such plan',
    because: 'approved_text() finds no plan of a proposal that is not there either, with the same code',
  },
  {
    name: 'door  apply_plan()  XQ003 there is no such plan',
    because: 'approved_text() finds no plan of a proposal that is not there either, with the same code',
  },
  {
    name: 'door  approved_text()  XQ003 this is not the approved plan of the proposal: NOT FOUND',
    because: 'a plan that is not found has no digest, which the condition after the next finds',
  },
  {
    name: 'door  combine_actions()  XQ006 the names of a change set are sorted and joined by +: NOT is_change_set',
    because: 'a name without + differs from its sorted names, joined by + or ended with it, which the condition after the next finds',
  },
  { name: "door  combine_actions()  where x ? 'approvals'", because: 'what has no approvals has NULL for them, which max() passes over' },
  {
    name: "door  approvals_needed()  where f ? 'approvals'",
    because:
      'what has no approvals has NULL for them, which comes last where they are sorted, and is NULL as well where it is the only one',
  },
  {
    name: 'door  approvals_behind_glass()  ends rule IS NULL',
    because: 'without a rule the sum is NULL, which least() passes over',
  },
  {
    name: "door  refuse_doubles()  and mixed <> '{}'",
    because: 'no type is one of none; this spares the question',
  },
  {
    name: 'door  check_surface()  where p.revert_of IS NULL',
    because: 'what an action may do its revert may as well: each operation is beside itself among the opposites',
  },
  {
    name: 'door  erase_personal_data()  where p.name IS NOT NULL',
    because: 'a name that is not there is made none; this spares the writing',
  },
  {
    name: 'door  glass_in_force()  ends NOT EXISTS (SELECT FROM exequatur.glass',
    because: 'without a glass the query below finds none; this spares it',
  },
  {
    name: 'door  counted_since()  ends NOT EXISTS (SELECT FROM exequatur.plan x',
    because: 'without another plan the query below finds none, and answers the same; this spares it',
  },
  {
    name: "door  erase_personal_data()  where d.salt IS DISTINCT FROM ''",
    because: 'a salt that was taken is taken again; this spares the writing',
  },
  {
    name: 'door  erase_personal_data()  where (later IS NULL OR d.entry_id = ANY (later))',
    followedBy: 'AND disclosed_value(d.value) = whom',
    because: 'what is deleted is of these entries alone, which its own condition asks; this spares reading all others',
  },
  {
    name: 'door  erase_personal_data()  where e.proposal_id IS NOT NULL',
    because: 'a null among the proposals told of is that of no review and of no decision; this is for whoever reads it',
  },
  {
    name: 'door  fits_definition()  ends kind IS NULL',
    because: 'what has no kind is of none of them, which the end of the CASE below finds',
  },
  {
    name: 'door  undo_obstacles()  where e.set ? u.property',
    because: 'a value that is not there has no key, and index_keys() finds none',
  },
  {
    name: 'door  undo_obstacles()  on e.set ? r.property',
    because: 'a reference that is not there is one to nothing, which the condition after the next passes over',
  },
  {
    name: 'door  are_new_decisions()  where (position(convert_to(one',
    because:
      'what is not in the bytes of an entry, and not written in other characters, its decisions do not hold either; this spares reading them',
  },
  ...['o.acts_for = w.id', 'o.token_acts_for = w.id'].map((condition) => ({
    name: `door  behind_agents()  where ${condition}`,
    because:
      'of an agent for whom nobody acts the side is that of whom it acts for, who are named anyhow, and itself, who says nothing; this spares naming all agents',
  })),
  ...['behind_agents', 'behind_emergency'].map((name) => ({
    name: `door  ${name}()  where x.id IS NOT NULL`,
    because:
      'on the side of a null stands nobody, and a null among those behind something keeps nobody from it; this is for whoever reads it',
  })),
  {
    name: "door  named_misfits()  where e.op IN ('create', 'modify')",
    because: 'what deletes, links or unlinks sets no property, of which the condition beside it asks; this is for whoever reads it',
  },
];
