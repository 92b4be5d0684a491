import type { CompiledRule } from '../compiled-action.ts';
import { runCreate } from './create.ts';
import { runCreateOrModify } from './create-or-modify.ts';
import { enterLoop } from './for-each.ts';
import { runFunction } from './function.ts';
import { runModify } from './modify.ts';
import { admitted, idFrom, type Pass, type Run, statesFrom } from './run.ts';

/** Runs rules over all passes at once. Rules do not see each other's edits, so going rule by rule gives what going pass by pass would. */
export async function runRules(run: Run, rules: readonly CompiledRule[], passes: readonly Pass[]): Promise<void> {
  for (const rule of rules) {
    const mine = admitted(rule.when, passes);
    if (mine.length > 0) {
      await runRule(run, rule, mine);
    }
  }
}

async function runRule(run: Run, rule: CompiledRule, passes: readonly Pass[]): Promise<void> {
  switch (rule.kind) {
    case 'modify':
      return runModify(run, rule, passes);
    case 'create':
      return runCreate(run, rule, passes);
    case 'createOrModify':
      return runCreateOrModify(run, rule, passes);
    case 'delete':
      for (const state of await statesFrom(run, rule.type, rule.object, passes)) {
        run.builder.delete(state, rule.pointer);
      }
      return;
    case 'link':
    case 'unlink':
      return runLink(run, rule, passes);
    case 'forEach':
      return runRules(run, rule.rules, await enterLoop(run, rule, passes));
    case 'if': {
      const yes = admitted(rule.condition, passes);
      const isYes = new Set(yes);
      await runRules(run, rule.whenTrue, yes);
      return runRules(
        run,
        rule.whenFalse,
        passes.filter((pass) => !isYes.has(pass)),
      );
    }
    case 'function':
      return runFunction(run, rule);
  }
}

function runLink(run: Run, rule: Extract<CompiledRule, { kind: 'link' | 'unlink' }>, passes: readonly Pass[]): void {
  const ends = run.ontology.linkTypes.get(rule.link);
  if (!ends) {
    throw new Error(`the compiled ontology has no link type ${rule.link}`);
  }
  for (const pass of passes) {
    const [from, to] = [idFrom(rule.from, pass, ends.from), idFrom(rule.to, pass, ends.to)];
    run.builder.link({ op: rule.kind, link: rule.link, from, to }, rule.pointer);
  }
}
