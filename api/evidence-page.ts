import { createHash } from 'node:crypto';
import { commitmentTo, disclosedValue, factsOf, frameOf } from '../audit/entry.ts';
import type { JsonObject, JsonValue } from '../ontology/json.ts';
import type { Edit } from '../ontology/plan.ts';
import type { DecisionView } from '../store/read-decisions.ts';
import type { Evidence } from '../store/read-log.ts';
import { evidenceStyle } from './evidence-style.ts';
import { type Html, html } from './html.ts';
import { altered, type PrintedPlan } from './printed-plan.ts';

/** What the page is made of. `plan` is as the reader may see it, masked; null where there is none. */
export interface EvidencePage extends Omit<Evidence, 'plan' | 'decisions'> {
  tenant: string;
  proposalId: string;
  plan: PrintedPlan | typeof altered | null;
  decisions: readonly DecisionView[];
  /** The same as the bundle shows them, without those of somebody who was erased. */
  committed: Evidence['decisions'];
  /** ISO text. */
  printedAt: string;
}

type Entry = Evidence['entries'][number];
interface Told {
  facts: JsonObject;
  /** What it discloses, as far as that is what it committed to. */
  told: Record<string, string>;
  entry: Entry;
}

/** The evidence of one action for people: self-contained, to be printed. Everything in it is text, also what agents wrote; it proves nothing by itself, and says what does. */
export function evidencePage(page: EvidencePage): string {
  const told = page.entries.map(toldBy);
  const last = told.findLast(({ facts }) => facts.status !== undefined);
  const plan = page.plan === altered ? null : page.plan;
  const title = `Evidence of ${plan?.actionType ?? 'an action'}`;
  const { text } = html`<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}, ${page.proposalId}</title><style>${evidenceStyle}</style></head><body>
<header><h1>${title}</h1><p class="status">${said(last, 'status')}</p></header>
${summary(page, told)}${planned(page.plan)}${reviewed(told)}${decided(page, told)}${logged(page, told)}${proven(page)}
<footer>Tenant ${page.tenant} · proposal ${page.proposalId} · printed ${when(page.printedAt)}</footer></body></html>`;
  return `<!doctype html>\n${text}`;
}

function toldBy(entry: Entry): Told {
  const facts = factsOf(entry.payload);
  const commitments = commitmentsOf(facts);
  const told: Record<string, string> = {};
  for (const { name, salt, value } of entry.disclosures) {
    const disclosed = commitmentTo(salt, value) === commitments[name] ? disclosedValue(value) : undefined;
    if (disclosed !== undefined) told[name] = typeof disclosed === 'string' ? disclosed : value;
  }
  return { entry, facts, told };
}

function commitmentsOf({ commitments }: JsonObject): JsonObject {
  return typeof commitments === 'object' && commitments !== null ? (commitments as JsonObject) : {};
}

function summary({ plan, proposalId }: EvidencePage, told: readonly Told[]): Html {
  const created = told.find(({ facts }) => facts.type === 'proposal.created');
  const executed = told.find(({ facts }) => facts.type === 'proposal.executed' || facts.type === 'execution.applied');
  const rows: [string, Html | string][] = [
    ['Proposal', html`<code>${proposalId}</code>`],
    ['Action', plan === altered || plan === null ? 'unknown' : `${plan.actionType}, version ${plan.actionTypeVersion}`],
    ['Proposed', html`${created === undefined ? '' : when(created.entry.at)} by ${named(created, 'proposer')}`],
    ['Justification', html`<span class="quote">${named(created, 'justification')}</span>`],
    ['Plan', plan === altered ? notAsItWas : html`<code>${plan?.digest ?? 'none'}</code>`],
    ['Executed', executed === undefined ? 'not' : html`${when(executed.entry.at)}, entry ${executed.entry.seq}`],
  ];
  return html`<section><h2>What was asked</h2><dl>${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></section>`;
}

function planned(plan: EvidencePage['plan']): Html {
  if (plan === altered)
    return html`<section><h2>Plan</h2><p>${notAsItWas}: what is stored of it is not what the entries tell the digest of, or is no plan, and is not shown.</p></section>`;
  if (plan === null) return html`<section><h2>Plan</h2><p>None was made.</p></section>`;
  const { requirement, effects } = plan;
  const stages = requirement.automatic
    ? html`<p>By policy <b>${requirement.policy}</b> alone, without asking anybody.</p>`
    : html`<p>By policy <b>${requirement.policy}</b>:</p><ol>${requirement.stages.map(
        ({ name, thresholds, require }) =>
          html`<li><b>${name}</b>: ${thresholds.map(({ needed, reviewers }, at) => html`${at === 0 ? '' : require === 'any' ? ' or ' : ' and '}${needed} × <code>${reviewers}</code>`)}</li>`,
      )}</ol>`;
  const rest = plan.totalEdits - plan.edits.length;
  return html`<section><h2>Who had to approve</h2>${stages}</section><section><h2>Plan</h2>
<table><thead><tr><th>Object</th><th>Change</th><th>Before</th><th>After</th></tr></thead><tbody>${plan.edits.map(editRows)}</tbody></table>
${rest > 0 ? html`<p>And ${rest} edits more; all of them are in the plan's bytes.</p>` : ''}
${effects.length > 0 ? html`<p>Outside: ${effects.join(', ')}.</p>` : ''}</section>`;
}

function editRows(edit: Edit): Html {
  if (!('type' in edit)) return html`<tr><td>${edit.link}</td><td>${edit.op}</td><td></td><td>${edit.from} → ${edit.to}</td></tr>`;
  const { before, set = {}, unset = [] } = edit as { before?: JsonObject | null; set?: JsonObject; unset?: string[] };
  const names = edit.op === 'delete' ? [] : [...new Set([...Object.keys(set), ...unset])];
  const first = html`<td>${edit.type} <code>${edit.id}</code></td><td>${edit.op}`;
  if (names.length === 0) return html`<tr>${first}</td><td>${before ? shown(before) : ''}</td><td></td></tr>`;
  return html`${names.map((name) => html`<tr>${first} ${name}</td><td>${shown(before?.[name])}</td><td>${unset.includes(name) ? 'absent' : shown(set[name])}</td></tr>`)}`;
}

function reviewed(told: readonly Told[]): Html {
  const reviews = told.filter(({ facts }) => facts.type === 'review.recorded');
  const executed = told.find(({ facts }) => facts.type === 'proposal.executed' || facts.type === 'execution.applied');
  const counted = countedBy(executed);
  if (reviews.length === 0) return html`<section><h2>Reviews</h2><p>None.</p></section>`;
  return html`<section><h2>Reviews</h2><table><thead><tr><th>When</th><th>Who</th><th>Said</th><th>Stage</th><th>Counted</th><th>Entry</th></tr></thead><tbody>${reviews.map(
    (
      one,
    ) => html`<tr><td class="when">${when(one.entry.at)}</td><td>${named(one, 'reviewer')}${isThere(one, 'onBehalfOf') ? html`, on behalf of ${named(one, 'onBehalfOf')}` : ''}</td>
<td>${inWords(said(one, 'decision'))}<br><span class="quote">${isThere(one, 'reason') ? named(one, 'reason') : ''}</span></td><td>${said(one, 'stage')}</td><td>${counted === altered ? notAsItWas : counted.has(one.facts.reviewId) ? 'yes' : 'no'}</td><td>${one.entry.seq}</td></tr>`,
  )}</tbody></table></section>`;
}

/** Ids of the reviews that the execution says it counted. */
function countedBy(executed: Told | undefined): ReadonlySet<unknown> | typeof altered {
  const approvals = executed?.facts.approvals ?? [];
  if (!Array.isArray(approvals)) return altered;
  return new Set(approvals.map((one) => (typeof one === 'object' && one !== null && 'review' in one ? one.review : undefined)));
}

function decided({ decisions, committed }: EvidencePage, told: readonly Told[]): Html {
  if (decisions.length === 0) return html`<section><h2>Decisions</h2><p>None.</p></section>`;
  const entries = new Map<JsonValue, number>(
    told.flatMap(({ entry, facts: { decisions: made } }) => (Array.isArray(made) ? made : []).map((one) => [one, entry.seq] as const)),
  );
  const shown = new Map(committed.map((one) => [(JSON.parse(one.value) as { id: string }).id, one]));
  const rows = decisions.map(({ id, at, explanation, policyVersion }) => {
    const one = shown.get(id);
    if (one === undefined) return html`<tr><td class="when">${when(at)}</td><td colspan="3"><i>erased</i></td></tr>`;
    const entry =
      one.salt === null ? 'not said' : (entries.get(commitmentTo(one.salt, one.value)) ?? html`<b>altered: no entry commits to it</b>`);
    return html`<tr><td class="when">${when(at)}</td><td>${explanation}</td><td>${policyVersion}</td><td>${entry}</td></tr>`;
  });
  return html`<section><h2>Decisions</h2><table><thead><tr><th>When</th><th>What, and why</th><th>Policies</th><th>Entry</th></tr></thead><tbody>${rows}</tbody></table></section>`;
}

function logged({ tenant }: EvidencePage, told: readonly Told[]): Html {
  return html`<section><h2>Entries of the log</h2><table class="entries"><thead><tr><th>Entry</th><th>When</th><th>What</th><th>Hash</th></tr></thead><tbody>${told.map(
    (one) => {
      const { entry, facts } = one;
      return html`<tr><td>${entry.seq}</td><td class="when">${when(entry.at)}</td>
<td>${facts.type === undefined ? notAsItWas : inWords(said(one, 'type'))}${facts.status === undefined ? '' : html` → <b>${inWords(said(one, 'status'))}</b>`}${isThere(one, 'actor') ? html`, by ${named(one, 'actor')}` : ''}</td><td><code class="hash">${hashOf(tenant, entry)}</code></td></tr>`;
    },
  )}</tbody></table></section>`;
}

function proven({ checkpoint, entries }: EvidencePage): Html {
  return html`<section><h2>Checkpoint</h2><p>Signed over the first ${checkpoint.size} entries of the log.</p><pre>${checkpoint.note}</pre></section>
<section><h2>Proofs of inclusion</h2><p>The hashes, from each entry upwards, that lead to the root in the checkpoint.</p><table class="proofs"><thead><tr><th>Entry</th><th>Hashes</th></tr></thead><tbody>${entries.map(
    ({ seq, proof }) => html`<tr><td>${seq}</td><td>${proof.map((hash) => html`<code class="hash">${hash}</code> `)}</td></tr>`,
  )}</tbody></table></section>
<section><h2>How it is checked</h2><p>This page is for reading. What proves it is the same address asked for JSON, verified offline by <code>exequatur-verify</code> with the public key of whoever signs the log; it computes each hash above again from the bytes of the entries.</p></section>`;
}

function hashOf(tenant: string, { payload, ...entry }: Entry): string {
  try {
    if (payload !== null)
      return createHash('sha256')
        .update(frameOf(tenant, { ...entry, payload }))
        .digest('hex');
  } catch {} // Of a time that the bytes of an entry do not hold.
  return 'altered: not made as entries are';
}

const notAsItWas = html`<b>altered</b>`;

/** Whether somebody says that the entry discloses it, rightly or not. */
function isThere({ entry }: Told, name: string): boolean {
  return entry.disclosures.some((one) => one.name === name);
}

/** Erased values are gone, and their commitments stay. */
function named(one: Told | undefined, name: string): Html | string {
  const value = one?.told[name];
  if (value !== undefined) return value;
  if (one === undefined) return '';
  if (isThere(one, name)) return notAsItWas;
  return commitmentsOf(one.facts)[name] === undefined ? '' : html`<i>erased</i>`;
}

/** A fact that is text; nothing where the entry says nothing of it. */
function said(one: Told | undefined, name: string): Html | string {
  const fact = one?.facts[name];
  if (fact === undefined) return '';
  return typeof fact === 'string' ? fact : notAsItWas;
}

function inWords(text: Html | string): Html | string {
  return typeof text === 'string' ? text.replaceAll(/[._]/g, ' ') : text;
}

function shown(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent';
  if (typeof value === 'object' && value !== null && '$masked' in value) return 'not shown: sensitive';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Of ISO text, or of microseconds since 1970, as far as there are dates for them. */
function when(at: string): string {
  const iso = /^-?\d{1,18}$/.test(at) ? new Date(Number(BigInt(at) / 1_000n)).toISOString() : at;
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)} UTC`;
}
