#!/usr/bin/env node
// exequatur-verify --key <verifier key>... [--witness <verifier key>... [--quorum <n>]] [--checkpoint <file>]... [--unjudged <n>] EXPORT|EVIDENCE
//
// Checks an export of an audit log, or the evidence of one action, with nothing but this file, Node.js and the public keys of those who signed. docs/evidence.md says what
// the bytes mean, and what is proven and what is not. Prints what it found as lines of text; exits with 0 where everything holds, 1 where something does not, 2 where it
// could not be read. Several keys are given where one took over from another. `--checkpoint` names a checkpoint that somebody kept elsewhere: the log must be one that it
// was signed over. With `--witness`, what is checked must be under a checkpoint that so many of these witnesses cosigned, all of them unless `--quorum` says otherwise. With
// `--unjudged`, no more executions than that may be such as nobody can judge.
import { createHash, createPublicKey, verify as verifySignature } from 'node:crypto';
import { createReadStream, readFileSync, realpathSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const leafHash = (data) => sha256(Buffer.of(0), data);
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);

/** Something that does not hold. `index` is the entry it was found at. */
export class Mismatch extends Error {
  constructor(index, message) {
    super(index === null ? message : `entry ${index}: ${message}`);
    this.index = index;
  }
}

/** Whatever cannot be made of an entry as entries are is found at that entry: it says nothing that holds. @throws {Mismatch} */
function madeOf(index, work) {
  try {
    return work();
  } catch (error) {
    throw error instanceof Mismatch ? error : new Mismatch(index, `is not made as entries are: ${error.message}`);
  }
}

/** The bytes of an entry: 'EXQ1', then tenant, sequence, microseconds, previous hash and payload, each behind its length. */
export function frameOf(tenant, { seq, at, previousHash, payload }) {
  const number = (value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(BigInt(value));
    return bytes;
  };
  const fields = [
    Buffer.from(tenant.replaceAll('-', ''), 'hex'),
    number(seq),
    number(at),
    Buffer.from(previousHash, 'hex'),
    Buffer.from(payload),
  ];
  const behindLength = (field) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(field.length);
    return [length, field];
  };
  return Buffer.concat([Buffer.from('EXQ1'), ...fields.flatMap(behindLength)]);
}

// --- signed notes -----------------------------------------------------------------------------------------------------------------------------------------

/** `<name>+<key id>+<base64 of a byte and the 32 bytes of an Ed25519 key>`; the byte is 1 for a log's key and 4 for a witness's. */
export function readVerifier(text, type = 1) {
  const [, name, id, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim()) ?? [];
  const typed = Buffer.from(encoded ?? '', 'base64');
  if (typed.length !== 33 || typed[0] !== type) throw new Error(`${text} is no Ed25519 key of a ${type === 1 ? 'log' : 'witness'}`);
  if (sha256(`${name}\n`, typed).subarray(0, 4).toString('hex') !== id) throw new Error(`${text} has another id than it names`);
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), typed.subarray(1)]);
  return { name, id, key: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}

/** What a witness signs: the text of a checkpoint behind the time, which stands before the signature in 8 bytes, in seconds since 1970. Null where it did not. */
function cosignedAt(text, { key }, bytes) {
  if (bytes.length !== 8 + 64) return null;
  const seconds = bytes.readBigUInt64BE();
  const message = Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`);
  return verifySignature(null, message, key, bytes.subarray(8)) ? new Date(Number(seconds) * 1000).toISOString() : null;
}

/** A checkpoint that one of the verifiers signed, and by which witnesses it is cosigned, when. A signature by a key that was given and that does not hold spoils it. @throws {Mismatch} */
export function openCheckpoint(note, verifiers, witnesses = []) {
  const end = note.indexOf('\n\n');
  const text = note.slice(0, end + 1);
  const [origin, size, root] = text.split('\n');
  const signatures = note
    .slice(end + 2)
    .split('\n')
    .flatMap((line) => (/^\u2014 (\S+) (\S+)$/.exec(line)?.slice(1, 3) ? [/^\u2014 (\S+) (\S+)$/.exec(line).slice(1, 3)] : []));
  const signers = [];
  const cosigned = Object.create(null);
  for (const [name, encoded] of signatures) {
    const bytes = Buffer.from(encoded, 'base64');
    const isOf = (one) => one.name === name && one.id === bytes.subarray(0, 4).toString('hex');
    const [verifier, witness] = [verifiers.find(isOf), witnesses.find(isOf)];
    if (verifier === undefined && witness === undefined) continue;
    const at = witness && cosignedAt(text, witness, bytes.subarray(4));
    if (verifier ? !verifySignature(null, Buffer.from(text), verifier.key, bytes.subarray(4)) : at === null)
      throw new Mismatch(null, `the signature of ${name} under the checkpoint over ${size} entries does not hold`);
    if (verifier) signers.push(name);
    else if (!(cosigned[name] > at)) cosigned[name] = at;
  }
  if (end < 0 || !/^[1-9][0-9]*$/.test(size) || Buffer.from(root, 'base64').length !== 32)
    throw new Mismatch(null, 'a checkpoint is not one');
  if (signers.length === 0) throw new Mismatch(null, `the checkpoint over ${size} entries is signed by nobody whose key was given`);
  return { origin, size: Number(size), root: Buffer.from(root, 'base64'), signers, cosigned };
}

/** What a checkpoint lacks to be cosigned by as many witnesses as are asked for; null where it lacks nothing. */
function lackOf({ cosigned }, { witnesses, quorum }) {
  const missing = namesOf(witnesses).filter((name) => cosigned[name] === undefined);
  const enough = namesOf(witnesses).length - missing.length >= quorum;
  return enough ? null : `cosigned by ${quorum} of ${namesOf(witnesses).length} witnesses: missing ${missing.join(', ')}`;
}

/** A witness is its name: two keys of one are one witness, whose key changed. */
const namesOf = (witnesses) => [...new Set(witnesses.map(({ name }) => name))];

const nobody = { witnesses: [], quorum: 0, mostUnjudged: Number.POSITIVE_INFINITY };

// --- the tree ---------------------------------------------------------------------------------------------------------------------------------------------

/** A tree that grows leaf by leaf, kept as the perfect trees that it is made of. */
export class Tree {
  constructor(size = 0, hashes = []) {
    this.size = size;
    this.hashes = [...hashes];
  }

  add(leaf) {
    let hash = leaf;
    for (let rest = this.size; rest % 2 === 1; rest = (rest - 1) / 2) hash = nodeHash(this.hashes.pop(), hash);
    this.hashes.push(hash);
    this.size++;
  }

  get root() {
    return this.hashes.length === 0 ? sha256() : this.hashes.reduceRight((right, left) => nodeHash(left, right));
  }
}

/** The root that a leaf comes to by its proof, after RFC 9162, 2.1.3.2; null where the proof has another length than it must. */
export function rootByInclusion(leaf, index, size, proof) {
  let [position, last, hash] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (last === 0) return null;
    if (position % 2 === 1 || position === last) {
      hash = nodeHash(sibling, hash);
      while (position % 2 === 0 && position !== 0) [position, last] = [Math.floor(position / 2), Math.floor(last / 2)];
    } else hash = nodeHash(hash, sibling);
    [position, last] = [Math.floor(position / 2), Math.floor(last / 2)];
  }
  return last === 0 ? hash : null;
}

// --- what entries say -------------------------------------------------------------------------------------------------------------------------------------

const ends = ['invalid', 'rejected', 'expired', 'withdrawn', 'executed', 'failed'];
const followers = {
  __proto__: null,
  simulating: ['awaiting_approval', 'invalid', 'failed', 'withdrawn', 'expired'],
  awaiting_approval: ['approved', 'rejected', 'expired', 'withdrawn', 'changes_requested', 'simulating'],
  changes_requested: ['simulating', 'withdrawn', 'expired'],
  approved: ['executing', 'scheduled', 'awaiting_approval', 'simulating', 'withdrawn', 'expired'],
  scheduled: ['executing', 'awaiting_approval', 'simulating', 'withdrawn', 'expired'],
  executing: ['executed', 'failed', 'compensating', 'simulating', 'awaiting_approval'],
  compensating: ['failed', 'simulating', 'needs_attention'],
  needs_attention: ['compensating', 'failed'],
};
/** The state that entries of a type bring a proposal into: no other type moves one. */
const reached = new Map([...Object.keys(followers), ...ends].map((status) => [`proposal.${status}`, status]));
reached.delete('proposal.awaiting_approval');
reached.set('proposal.simulated', 'awaiting_approval').set('proposal.revised', 'simulating');

/** Types of entries that are of a proposal, each of one. */
const ofProposals = /^(?:proposal\.|execution\.|review\.recorded$)/;
const isProposalId = (value) => typeof value === 'string' && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
/** What entries of a type disclose that says who somebody is. */
const identities = new Map([
  ['proposal.created', ['proposer', 'actsFor']],
  ['review.recorded', ['reviewer', 'onBehalfOf']],
  ['proposal.glass_broken', ['actor']],
]);

/** Goes through entries in order, proposal by proposal. `requirements` are those of plans at hand, by digest. `fromStart`: nothing of any proposal is before the first of them. */
export class Story {
  constructor(requirements = new Map(), fromStart = true) {
    Object.assign(this, { fromStart, unjudgedAt: [] });
    this.requirements = requirements;
    this.proposals = new Map();
    this.counts = {
      entries: 0,
      proposals: 0,
      reviews: 0,
      executions: 0,
      unjudged: 0,
      conditionsUnjudged: 0,
      rejectionsUncounted: 0,
      disclosed: 0,
      erased: 0,
    };
    this.tells = false; // Whether an entry has said whose approval its plan needs.
    this.lack = null; // The first that does not, until an entry says that earlier ones did not.
  }

  /** What an entry does not say, which one from before {@link changeFormat} need not. @throws {Mismatch} */
  lacks(seq, message) {
    if (this.tells || this.counts.formatChangedAt !== undefined) throw new Mismatch(seq, message);
    this.lack ??= { seq, message };
  }

  /** A log that an earlier version began says once where it goes on by this format. */
  changeFormat(seq) {
    if (this.counts.formatChangedAt !== undefined) throw new Mismatch(seq, 'says once more where entries begin to tell of approvals');
    Object.assign(this.counts, { formatChangedAt: seq, unjudgedBefore: this.counts.unjudgedBefore ?? 0 });
    this.lack = null;
  }

  /** Where no more than so many executions may be unjudged. @throws {Mismatch} */
  end(mostUnjudged = Number.POSITIVE_INFINITY) {
    if (this.lack !== null)
      throw new Mismatch(this.lack.seq, `${this.lack.message}, and no entry after it says that it was written before entries did`);
    const { unjudgedAt } = this;
    if (unjudgedAt.length > mostUnjudged)
      throw new Mismatch(
        unjudgedAt[mostUnjudged],
        `is of ${unjudgedAt.length} executions that cannot be judged: ${mostUnjudged} were expected`,
      );
  }

  /** @throws {Mismatch} */
  tell({ seq, at, payload, disclosures }) {
    const facts = JSON.parse(payload);
    this.counts.entries++;
    const disclosed = this.open(seq, facts.commitments ?? {}, disclosures);
    const unnamed = identities.get(facts.type)?.find((name) => disclosed[name] !== undefined && typeof disclosed[name] !== 'string');
    if (unnamed !== undefined) throw new Mismatch(seq, `what is disclosed as ${unnamed} is no text, as who somebody is has to be`);
    if (ofProposals.test(facts.type) && !isProposalId(facts.proposalId)) throw new Mismatch(seq, `is ${facts.type}, and of no proposal`);
    if (facts.type === 'log.format_changed') this.changeFormat(seq);
    if (facts.proposalId === undefined) return;
    const isNew = !this.proposals.has(facts.proposalId);
    if (facts.type === 'proposal.created' && !isNew) throw new Mismatch(seq, 'creates a proposal that is there');
    if (isNew) {
      if (this.fromStart && facts.type !== 'proposal.created') throw new Mismatch(seq, 'is of a proposal that no entry creates');
      // What was created before the first entry here has a past that nobody can judge from here.
      this.proposals.set(facts.proposalId, { status: null, isWhole: facts.type === 'proposal.created', proposer: [], plan: null });
      this.counts.proposals++;
    }
    const known = this.proposals.get(facts.proposalId);
    if (facts.type === 'proposal.created') known.status = 'simulating';
    if (facts.type === 'proposal.created' && (facts.status ?? 'simulating') !== 'simulating')
      throw new Mismatch(seq, `creates a proposal that is ${facts.status}`);
    if (facts.type === 'proposal.created') known.proposer = [disclosed.proposer, disclosed.actsFor].filter((who) => who !== undefined);
    if (facts.type === 'proposal.revised' || facts.type === 'proposal.raised') known.plan = null;
    if (facts.type === 'proposal.simulated') this.plan(seq, known, facts);
    if (facts.type === 'proposal.escalated' && known.plan !== null) known.plan.escalated = true;
    if (facts.type === 'proposal.glass_broken' && known.plan?.digest === facts.planDigest)
      known.plan.broken = { by: known.plan.broken ? undefined : disclosed.actor };
    if (facts.type === 'review.recorded') this.review(known, { seq, at, ...facts }, disclosed);
    if (facts.type === 'proposal.executed' || facts.type === 'execution.applied') this.execute(seq, at, known, facts);
    if (facts.type === 'execution.undone' && known.executed !== undefined) known.executed.isOpen = false;
    if (facts.type.startsWith('proposal.') && facts.type !== 'proposal.created') this.move(seq, known, facts);
  }

  /** Each value that is disclosed is the one that the entry committed to. */
  open(seq, commitments, disclosures) {
    const disclosed = Object.create(null);
    for (const { name, salt, value } of disclosures) {
      // A salt of another length could be taken out of the value, or the value out of it.
      if (!/^[0-9a-f]{32}$/.test(salt) || sha256(Buffer.from(salt, 'hex'), value).toString('hex') !== commitments[name])
        throw new Mismatch(seq, `what is disclosed as ${name} is not what was committed to`);
      disclosed[name] = JSON.parse(value);
      this.counts.disclosed++;
    }
    this.counts.erased += Object.keys(commitments).length - Object.keys(disclosed).length;
    return disclosed;
  }

  /** A plan with another digest takes the place of the one before it, whose reviews are void for good. Where it is the same again they stay. */
  plan(seq, known, { from, planDigest, requirement = null, requirementDigest }) {
    if (from !== 'simulating') return; // Sent back to those who approve, with the plan that it has.
    if (known.executed !== undefined) known.executed.isOpen = false;
    known.digests ??= new Set();
    known.digests.add(planDigest);
    const given = this.requirements.get(planDigest) ?? null;
    const told = requirement === null ? requirementDigest : digestOf(requirement);
    if (told === undefined) this.lacks(seq, 'does not say whose approval its plan needs');
    else this.tells = true;
    if (told !== undefined && given !== null && digestOf(given) !== told)
      throw new Mismatch(seq, 'names another requirement than the plan');
    if (known.plan?.digest === planDigest) return;
    known.plan = {
      digest: planDigest,
      requirement: requirement ?? given,
      told,
      reviews: new Map(),
      lastOf: new Map(),
      escalated: false,
      broken: false,
    };
  }

  review(known, { seq, at, decision, planDigest, reviewId, commitments = {} }, { reviewer, onBehalfOf }) {
    this.counts.reviews++;
    if (typeof reviewId !== 'string') throw new Mismatch(seq, 'tells of a review, and not of which');
    known.told ??= new Map(); // Of each whether it was given for somebody else, which stays when names are erased.
    if (known.told.has(reviewId)) throw new Mismatch(seq, 'tells of a review that was told before');
    known.told.set(reviewId, commitments.onBehalfOf !== undefined);
    const names = [reviewer, onBehalfOf].filter((who) => who !== undefined);
    if (known.plan === null || planDigest !== known.plan.digest) return;
    known.plan.reviews.set(reviewId, { seq, at, decision, names, status: known.status });
    for (const who of names) known.plan.lastOf.set(who, seq);
  }

  /** What ran was approved as its plan asked: by the reviews that the entry tells, which are counted here again. */
  execute(seq, at, known, facts) {
    const { executionId, planDigest, approvals } = facts;
    if ((known.status ?? 'executing') !== 'executing') throw new Mismatch(seq, `tells of an execution of a proposal in ${known.status}`);
    if (typeof executionId !== 'string') throw new Mismatch(seq, 'tells of an execution, and not of which');
    if (known.executed?.executionId === executionId) return isEndOf(seq, known.executed, facts); // Told when the edits are applied, and again at the end.
    if (!isTold(facts)) throw new Mismatch(seq, 'was executed, but those by whose approval are not told as people are');
    this.counts.executions++;
    const { plan } = known;
    if (known.isWhole && (plan === null || plan.digest !== planDigest))
      throw new Mismatch(seq, 'the plan that ran is not the one that was to be approved');
    if (known.isWhole && approvals === undefined) this.lacks(seq, 'does not say by whose approval');
    const requirement = known.isWhole ? requirementToldOf(seq, plan, facts) : null;
    if (requirement !== null && approvals === null && hasRoom(requirement, plan.reviews.size))
      throw new Mismatch(seq, 'was executed, and says that there is no room for its approvals, of which there are few');
    const unread = requirement === null || !approvals ? null : judgeExecution(seq, at, { ...known, requirement }, facts);
    const isFromBefore = known.isWhole && (approvals === undefined || (plan.told === undefined && requirement === null));
    if (known.isWhole) this.counts.rejectionsUncounted += rejectionsBeside(plan, facts);
    if (unread !== null) this.counts.conditionsUnjudged += unread;
    else if (isFromBefore) this.counts.unjudgedBefore = (this.counts.unjudgedBefore ?? 0) + 1;
    else this.counts.unjudged++;
    if (unread === null) this.unjudgedAt.push(seq);
    const approvedBy = (approvals ?? []).map(({ review }) => plan?.reviews.get(review)?.names[0] ?? `erased ${review}`);
    known.executed = { executionId, planDigest, approvedBy, seq, isJudged: unread !== null, isOpen: facts.type === 'execution.applied' };
    known.plan = null;
  }

  /** One edge of the lifecycle, by an entry of the type that has its end. */
  move(seq, known, { type, from = type === 'proposal.executed' ? 'executing' : undefined, status }) {
    const to = reached.get(type);
    if (status !== to) throw new Mismatch(seq, `is ${type}, and says of the proposal that it is ${status}`);
    if (to === undefined) return;
    if (from !== (known.status ?? from)) throw new Mismatch(seq, `tells of a proposal in ${from}, and it was in ${known.status}`);
    if (followers[from]?.includes(to) !== true) throw new Mismatch(seq, `a proposal in ${from} cannot become ${to}`);
    known.status = to;
    if (ends.includes(to)) known.plan = null;
  }
}

// --- who approved ------------------------------------------------------------------------------------------------------------------------------------------

/** What the plan that ran asked for: what its entry said, which the entry of the execution must say too; null where it is too large for an entry. @throws {Mismatch} */
function requirementToldOf(seq, plan, { requirement = null, requirementDigest }) {
  const told = requirement === null ? requirementDigest : digestOf(requirement);
  if (told !== undefined && plan.told !== undefined && told !== plan.told)
    throw new Mismatch(seq, 'was executed under another requirement than its plan had');
  return requirement ?? plan.requirement;
}

/** The end of an execution with effects, which says nothing else and stands once, after its edits and before they are taken back. @throws {Mismatch} */
function isEndOf(seq, executed, { type, planDigest, requirement, requirementDigest, approvals }) {
  const isBare = requirement === undefined && requirementDigest === undefined && approvals === undefined;
  if (!executed.isOpen || type !== 'proposal.executed' || planDigest !== executed.planDigest || !isBare)
    throw new Mismatch(seq, 'tells once more of an execution, and not of its end');
  executed.isOpen = false;
}

/** Whether people are numbers, reviews texts, and roles and teams lists of texts: nobody is two by being written in two ways. */
function isTold({ approvals, denials = [], emergency }) {
  const isNumber = (value) => Number.isSafeInteger(value) && value >= 0;
  const isText = (value) => typeof value === 'string';
  const areTexts = (values) => Array.isArray(values) && values.every(isText);
  const isTeam = (team) => isText(team) || (Array.isArray(team) && team.length === 2 && isNumber(team[0]) && isText(team[1])); // As entries had it with `fills`.
  const areTeams = (teams) => Array.isArray(teams) && teams.every(isTeam);
  const isOne = ({ review, person, delegate = 0, roles, teams = [] }) =>
    isText(review) && isNumber(person) && isNumber(delegate) && areTexts(roles) && areTeams(teams);
  return (
    [approvals ?? [], denials].every((all) => Array.isArray(all) && all.every(isOne)) &&
    (emergency === undefined || (isNumber(emergency.person) && areTexts(emergency.roles)))
  );
}

/** Whether an entry has room for this many reviews, whatever they are: false also where nobody can say, since teams, or roles that a condition escapes, may be of any length. */
function hasRoom({ stages, breakGlass }, reviews) {
  const conditions = stages.flatMap(({ thresholds, afterEscalation = '' }) => [afterEscalation, ...thresholds.map((one) => one.reviewers)]);
  if (stages.some(({ teams }) => teams !== undefined) || conditions.some((one) => one.includes('\\'))) return false;
  const roles = new Set(conditions.flatMap((one) => one.match(/'[^'\n]*'|"[^"\n]*"/g) ?? []));
  const ofOne = 150 + 8 * conditions.length + Buffer.byteLength([...roles].join());
  return 200 + Buffer.byteLength(JSON.stringify(breakGlass?.roles ?? [])) + reviews * ofOne <= 30_000;
}

/**
 * Counts the approvals of an execution again: each is a review of this very plan that approves and that nobody took back, in time, of different people none of whom
 * stands behind the proposal; and those whom its stages ask can fill them, or an emergency stands in for that. @returns how many conditions could not be read; null
 * where there are too many ways to fill the stages. @throws {Mismatch}
 */
function judgeExecution(seq, at, { plan, proposer, requirement, told }, { approvals, denials = [], escalated = false, emergency }) {
  const broken = (message) => new Mismatch(seq, `was executed, but ${message}`);
  if (requirement.automatic === true) return 0;
  if (!isFormed(requirement)) throw broken('what its plan asks for is not formed as requirements are');
  if (escalated && !plan.escalated) throw broken('nothing had escalated');
  if (emergency !== undefined && (requirement.breakGlass === undefined || !plan.broken))
    throw broken('nobody broke the glass for this plan');
  judgePeople(at, { plan, proposer, requirement, approvals, told }, broken);
  if (emergency !== undefined) judgeBreaker(plan, { proposer, approvals, emergency }, broken);
  const unread = new Set();
  const asks = (stage, index) => (one) => {
    if (one.fills?.some(([of, which]) => requirement.stages[of]?.thresholds[which] === undefined))
      throw broken('an approval counts for what the plan does not ask');
    if (one.fills !== undefined) return one.fills.some(([of, which]) => of === stage && which === index); // As entries had it before they told the requirement.
    const { thresholds, afterEscalation } = requirement.stages[stage];
    const either = [
      admits(thresholds[index].reviewers, one.roles),
      escalated && afterEscalation ? admits(afterEscalation, one.roles) : false,
    ];
    if (either.includes(true)) return true;
    if (either.includes(null)) unread.add(`${stage}/${index}`);
    return either.includes(null) ? null : false;
  };
  if (emergency !== undefined && isEmergency(requirement, { approvals, emergency, asks }, broken)) return unread.size;
  for (const [stage, { name, thresholds, require }] of requirement.stages.entries()) {
    const barred = thresholds.filter(
      ({ toleratedDenials }, index) => denials.filter((one) => asks(stage, index)(one) === true).length > toleratedDenials,
    );
    if (require === 'any' ? barred.length === thresholds.length : barred.length > 0) throw broken(`${name} had refused`);
  }
  const isFilled = fills(requirement, approvals, (stage, index) => (one) => asks(stage, index)(one) !== false);
  if (isFilled === null) return null;
  if (!isFilled) throw broken(lackOfApprovals(requirement, approvals, asks));
  return unread.size;
}

/** Whether a requirement has all that approvals are judged by. */
function isFormed({ stages, distinctReviewers, approvalsLast, breakGlass }) {
  const isCount = (value, least) => Number.isInteger(value) && value >= least;
  const isThreshold = ({ needed, toleratedDenials, reviewers }) =>
    isCount(needed, 1) && isCount(toleratedDenials, 0) && typeof reviewers === 'string';
  return (
    typeof distinctReviewers === 'boolean' &&
    stages.length > 0 &&
    stages.every(({ thresholds, teams = 0 }) => isCount(teams, 0) && thresholds.length > 0 && thresholds.every(isThreshold)) &&
    (approvalsLast === undefined || durationMs(approvalsLast) !== null) &&
    (breakGlass === undefined || (Array.isArray(breakGlass.roles) && isCount(breakGlass.approvals, 0)))
  );
}

/** Whoever broke the glass, as far as that is disclosed, is no other number where they approve or propose. */
function judgeBreaker({ broken: { by }, reviews }, { proposer, approvals, emergency: { person } }, broken) {
  if (by === undefined) return;
  const isAnother = approvals.some((one) => reviews.get(one.review).names.includes(by) && ![one.person, one.delegate].includes(person));
  if (isAnother || (person !== 0 && proposer.includes(by))) throw broken(`${by}, who broke the glass, is counted as somebody else`);
}

/** Numbers and names of those who approve: nobody is two of them, or two one, and none is behind the proposal. */
function judgePeople(at, { plan, proposer, requirement, approvals, told }, broken) {
  const parties = approvals.flatMap(({ person, delegate }) => [person, ...(delegate === undefined ? [] : [delegate])]);
  if (parties.some((person) => !(person > 0))) throw broken('somebody behind the proposal is counted');
  if (new Set(parties).size < parties.length) throw broken('somebody is counted twice');
  if (new Set(approvals.map(({ review }) => review)).size < approvals.length) throw broken('a review is counted twice');
  const unlike = approvals.find(({ review, delegate }) => told?.has(review) && told.get(review) !== (delegate !== undefined));
  if (unlike !== undefined) throw broken(`of the approval ${unlike.review} it does not say as its review whether a delegate gave it`);
  // Nobody is named in two: the later took the place of the earlier.
  for (const { review: id } of approvals) {
    const own = approvalNamed(id, at, { plan, requirement }, broken).find((who) => proposer.includes(who));
    if (own !== undefined) throw broken(`${own} approved what they proposed`);
  }
}

/** @returns who gave it, as far as that is disclosed. */
function approvalNamed(id, at, { plan, requirement }, broken) {
  const review = plan.reviews.get(id);
  if (review === undefined) throw broken(`the approval ${id} is void, or was never given`);
  if (review.decision !== 'approve') throw broken(`the review ${id} approves nothing`);
  if (review.status !== 'awaiting_approval') throw broken(`the approval ${id} was given while the proposal was in ${review.status}`);
  if (isReplaced(review, plan)) throw broken(`the approval ${id} was taken back`);
  // The clock was asked a moment before the entry was written.
  const lasts = requirement.approvalsLast === undefined ? null : durationMs(requirement.approvalsLast) + 60_000;
  if (lasts !== null && Number(BigInt(at) - BigInt(review.at)) / 1_000 > lasts) throw broken(`the approval ${id} had lapsed`);
  return review.names;
}

/** Whether one of those who gave it gave another of this plan later. */
const isReplaced = ({ seq, names }, { lastOf }) => names.some((who) => lastOf.get(who) > seq);

/** How many reviews that reject the plan the execution does not tell as denials: why they did not count is the word of whoever wrote it. */
function rejectionsBeside(plan, { denials = [] }) {
  const told = new Set(denials.map(({ review }) => review));
  return [...plan.reviews].filter(([id, one]) => one.decision === 'reject' && !told.has(id) && !isReplaced(one, plan)).length;
}

/**
 * Whether the approvals can fill every stage: of a stage all thresholds, or any one where it says so, and people of as many teams as it asks for. With distinct reviewers
 * an approval stands in one threshold at most, and speaks for a team in no other stage. Null after too many tries.
 */
function fills({ stages, distinctReviewers }, approvals, asks) {
  const budget = { left: 20_000_000 }; // Of comparisons, two hundred at least for each place or way: a second or two.
  const speakers = stages.map(({ thresholds }, stage) => approvals.filter((one) => thresholds.some((_, index) => asks(stage, index)(one))));
  const hasTeams = (stage, stands = () => undefined) => {
    const people = speakers[stage].filter((one) => (stands(one) ?? stage) === stage);
    const teamsOf = (one) => (one.teams ?? []).flatMap((team) => (Array.isArray(team) ? (team[0] === stage ? [team[1]] : []) : [team]));
    return match(people.map(teamsOf), budget).size >= (stages[stage].teams ?? 0);
  };
  if (!distinctReviewers)
    return stages.every(({ thresholds, require }, stage) => {
      const isFull = ({ needed }, index) => approvals.filter(asks(stage, index)).length >= needed;
      return (require === 'any' ? thresholds.some(isFull) : thresholds.every(isFull)) && hasTeams(stage);
    });
  const spend = (comparisons) => {
    budget.left -= Math.max(200, comparisons);
    return budget.left >= 0;
  };
  const placed = new Map();
  const place = (slots, at) => {
    if (!spend(approvals.length)) return false;
    if (at === slots.length)
      return spend(stages.length * approvals.length) && stages.every((_, stage) => hasTeams(stage, (one) => placed.get(one)));
    const [stage, index] = slots[at];
    for (const one of admittedBy(stage, index)) {
      if (placed.has(one)) continue;
      placed.set(one, stage);
      if (place(slots, at + 1)) return true;
      placed.delete(one);
    }
    return false;
  };
  const admitted = new Map();
  const admittedBy = (stage, index) => {
    const key = `${stage}/${index}`;
    if (!admitted.has(key)) admitted.set(key, approvals.filter(asks(stage, index)));
    return admitted.get(key);
  };
  const isPossible = (slots) =>
    match(
      slots.map(([stage, index]) => admittedBy(stage, index)),
      budget,
    ).size === slots.length;
  // Stage by stage: what cannot be filled so far is not gone on with.
  const choose = (stage, before) => {
    if (stage === stages.length) return stages.every(({ teams }) => teams === undefined) || place(before, 0);
    const { thresholds, require } = stages[stage];
    const whole = thresholds.map((_, index) => index);
    return (require === 'any' ? whole.map((index) => [index]) : [whole]).some((indices) => {
      const places = indices.reduce((sum, index) => sum + thresholds[index].needed, before.length);
      if (places > approvals.length || !spend(places)) return false;
      const slots = [...before, ...indices.flatMap((index) => Array.from({ length: thresholds[index].needed }, () => [stage, index]))];
      return isPossible(slots) && choose(stage + 1, slots);
    });
  };
  const found = choose(0, []);
  return found || budget.left >= 0 ? found : null;
}

/** As many of those who seek as can have one each of what they would take, within a budget of comparisons: what is taken, and by which. */
function match(wanted, budget) {
  const holders = new Map();
  const take = (seeker, tried) =>
    wanted[seeker].some((item) => {
      if (--budget.left < 0 || tried.has(item)) return false;
      tried.add(item);
      if (holders.has(item) && !take(holders.get(item), tried)) return false;
      holders.set(item, seeker);
      return true;
    });
  for (const seeker of wanted.keys()) take(seeker, new Set());
  return holders;
}

/** In words, the first threshold that lacks approvals by itself. */
function lackOfApprovals({ stages }, approvals, asks) {
  for (const [stage, { name, thresholds, require }] of stages.entries()) {
    const given = thresholds.map((_, index) => approvals.filter((one) => asks(stage, index)(one) !== false).length);
    const short = thresholds.findIndex(({ needed }, index) => given[index] < needed);
    if (short < 0 || (require === 'any' && thresholds.some(({ needed }, index) => given[index] >= needed))) continue;
    const { name: of, needed } = thresholds[short];
    return `${given[short]} of the ${needed} approvals were given that ${name}${of === name ? '' : ` (${of})`} asks for`;
  }
  return 'its stages cannot all be filled by the approvals that were given';
}

/** Fewer approvals, beside somebody who may break the glass, stand in for the stages; false where there are even fewer, and the stages have to be filled. */
function isEmergency({ stages, breakGlass: rule }, { approvals, emergency, asks }, broken) {
  if (!emergency.roles.some((role) => rule.roles.includes(role))) throw broken('the glass was broken by nobody who may');
  if (emergency.person === 0 && rule.byProposer !== true) throw broken('the glass was broken by somebody behind the proposal');
  const isAsked = (one) => stages.some(({ thresholds }, stage) => thresholds.some((_, index) => asks(stage, index)(one) !== false));
  const others = approvals.filter(({ person, delegate }) => person !== emergency.person && delegate !== emergency.person);
  return others.filter(isAsked).length >= rule.approvals;
}

/**
 * Whether a condition on reviewers holds for somebody with these of the roles that it names: null where it asks for more than roles in a few words of CEL, which this
 * program does not read. A reviewer is a person, or the review would not count.
 */
export function admits(condition, roles) {
  const tokens = condition.match(/'[^'\\\n]*'|"[^"\\\n]*"|&&|\|\||==|!=|[A-Za-z_][\w.]*|[^ \t\n\f\r]/g) ?? [];
  let at = 0;
  const strange = new Error('not read');
  const isText = (token) => /^['"].*['"]$/.test(token ?? '');
  const any = () => {
    let value = every();
    while (tokens[at] === '||' && ++at) value = [value, every()].includes(true);
    return value;
  };
  const every = () => {
    let value = one();
    while (tokens[at] === '&&' && ++at) value = ![value, one()].includes(false);
    return value;
  };
  const one = () => {
    const [first, verb, last] = tokens.slice(at, at + 3);
    if (first === '!' && ++at) return !one();
    if (first === '(' && ++at) {
      const value = any();
      if (tokens[at++] !== ')') throw strange;
      return value;
    }
    if (first === 'true' && ++at) return true;
    at += 3;
    if (isText(first) && verb === 'in' && last === 'reviewer.roles') return roles.includes(first.slice(1, -1));
    if (first === 'reviewer.kind' && verb === '==' && isText(last)) return last.slice(1, -1) === 'user';
    throw strange;
  };
  try {
    const value = any();
    return at === tokens.length ? value : null;
  } catch (error) {
    if (error === strange || error instanceof RangeError) return null; // The other is one nested deeper than this program goes.
    throw error;
  }
}

/** Of an ISO 8601 duration in weeks, days, hours, minutes and seconds; null of anything else. */
function durationMs(text) {
  const parts =
    /^P(?=.*\d)(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(text);
  if (parts === null) return null;
  return parts.slice(1).reduce((sum, value, unit) => sum + Number(value ?? 0) * [604_800, 86_400, 3_600, 60, 1][unit], 0) * 1_000;
}

/** Of RFC 8785 text: what plans and entries are written in, so that two of one meaning have one digest. */
function digestOf(value) {
  const write = (item) => {
    if (Array.isArray(item)) return `[${item.map(write).join(',')}]`;
    if (typeof item !== 'object' || item === null) return JSON.stringify(item);
    return `{${Object.keys(item)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${write(item[key])}`)
      .join(',')}}`;
  };
  return `sha256:${sha256(write(value)).toString('hex')}`;
}

// --- exports and evidence ---------------------------------------------------------------------------------------------------------------------------------

/** Checks an export given as an iterable of lines. `kept` are checkpoints that somebody kept elsewhere. @throws {Mismatch} */
export async function verifyExport(lines, verifiers, kept = [], asked = nobody) {
  let header = null;
  let tree = null;
  let previous = null;
  let sealed = 0;
  let witnessed = { size: 0, by: {} };
  let lack = lackOf({ cosigned: {} }, asked);
  let ended = false;
  let torn = null; // An entry that does not follow, until the one after it says which of the two was altered.
  const story = new Story();
  const wanted = new Map();
  const want = (checkpoint) => wanted.set(checkpoint.size, [...(wanted.get(checkpoint.size) ?? []), checkpoint]);
  for (const note of kept) want(openCheckpoint(note, verifiers));
  const check = (checkpoint) => {
    if (!checkpoint.origin.endsWith(`/${header.tenant}`))
      throw new Mismatch(checkpoint.size, `a checkpoint of another log, ${checkpoint.origin}, ends here`);
    if (checkpoint.size !== tree.size)
      throw new Mismatch(tree.size, `a checkpoint ends here that says it covers ${checkpoint.size} entries`);
    if (!tree.root.equals(checkpoint.root)) throw new Mismatch(checkpoint.size, 'up to here the log is not what was signed');
    sealed = Math.max(sealed, checkpoint.size);
    lack = lackOf(checkpoint, asked);
    if (lack === null) witnessed = { size: checkpoint.size, by: checkpoint.cosigned };
  };
  const checkKept = (size) => {
    for (const checkpoint of wanted.get(size) ?? []) check(checkpoint);
    wanted.delete(size);
  };
  for await (const line of lines) {
    const item = JSON.parse(line) ?? {};
    if (ended) throw new Mismatch(tree.size, 'is the last by what the export says, and more lines follow');
    if (torn !== null && item.checkpoint === undefined) throw alteredAt(torn, item, sealed);
    if (torn !== null) continue;
    if (header === null) {
      if (item.exequatur !== 'audit-export' || item.format !== 1) throw new Error('this is no export of an audit log in format 1');
      if (![item.from, item.to].every((seq) => Number.isSafeInteger(seq) && seq > 0))
        throw new Error('the export does not say by numbers where it begins and ends');
      header = item;
      story.fromStart = header.from === 1;
      tree = new Tree(
        item.from - 1,
        item.subtrees.map((hash) => Buffer.from(hash, 'hex')),
      );
      checkKept(tree.size);
    } else if (item.end !== undefined) {
      ended = item.end === tree.size && item.end === header.to;
      if (!ended) throw new Mismatch(tree.size, `is the last, and the export says that it ends at ${item.end}, and at first ${header.to}`);
    } else if (item.checkpoint !== undefined) check(openCheckpoint(item.checkpoint, verifiers, asked.witnesses));
    else {
      if (item.seq !== tree.size + 1) throw new Mismatch(tree.size + 1, `is missing: ${item.seq} comes next`);
      const first = item.seq === 1 ? '0'.repeat(64) : null;
      const frame = madeOf(item.seq, () => frameOf(header.tenant, item));
      if (item.previousHash !== (previous ?? first ?? item.previousHash)) {
        torn = { seq: item.seq, hash: sha256(frame).toString('hex') };
        continue;
      }
      tree.add(leafHash(frame));
      previous = sha256(frame).toString('hex');
      madeOf(item.seq, () => story.tell(item));
      checkKept(item.seq);
    }
  }
  if (torn !== null) throw alteredAt(torn, {}, sealed);
  if (header === null || !ended) throw new Mismatch(tree?.size ?? null, 'the export ends too early');
  story.end(asked.mostUnjudged);
  if (sealed < tree.size) throw new Mismatch(sealed + 1, 'and what follows is under no checkpoint');
  if (asked.quorum > 0 && witnessed.size < tree.size)
    throw new Mismatch(witnessed.size + 1, `and what follows is under no checkpoint ${lack}`);
  const before = [...wanted.keys()].filter((size) => size <= tree.size);
  if (before.length > 0)
    throw new Error(`what was kept covers ${before.join(', ')} entries: the export must begin there, or with the first entry`);
  const beyond = [...wanted.keys()];
  if (beyond.length > 0) throw new Mismatch(tree.size, `is the last, and a checkpoint was signed over ${Math.max(...beyond)} entries`);
  return {
    tenant: header.tenant,
    from: header.from,
    to: tree.size,
    root: tree.root.toString('base64'),
    witnessed: witnessed.by,
    ...story.counts,
  };
}

/**
 * Which entry was altered, where one does not follow the one before it: the one before, unless a checkpoint was signed up to there, or unless the entry after it does not
 * follow either; then it is one of the two, and the earlier is named.
 */
function alteredAt({ seq, hash }, after, sealed) {
  if (sealed >= seq - 1) return new Mismatch(seq, 'does not follow the one before it');
  const isContinued = after.previousHash === hash;
  return new Mismatch(
    seq - 1,
    isContinued ? `was altered: entry ${seq} follows another` : `or the next was altered: entry ${seq} does not follow it`,
  );
}

/** Checks the evidence of one action. @throws {Mismatch} */
export function verifyEvidence(evidence, verifiers, asked = nobody) {
  if (evidence.exequatur !== 'evidence' || evidence.format !== 1) throw new Error('this is no evidence of an action in format 1');
  const checkpoint = openCheckpoint(evidence.checkpoint, verifiers, asked.witnesses);
  if (!checkpoint.origin.endsWith(`/${evidence.tenant}`)) throw new Mismatch(null, 'the checkpoint is of another log');
  const lack = lackOf(checkpoint, asked);
  if (lack !== null) throw new Mismatch(null, `the checkpoint over ${checkpoint.size} entries is not ${lack}`);
  const { plan } = evidence;
  const story = new Story(plan === null ? new Map() : new Map([[plan.digest, requirementOf(plan)]]));
  const { formatChanged = null } = evidence;
  const entries = [...evidence.entries, ...(formatChanged === null ? [] : [formatChanged])].sort((one, other) => one.seq - other.seq);
  for (const entry of entries) {
    const root = madeOf(entry.seq, () => {
      const proof = entry.proof.map((hash) => Buffer.from(hash, 'hex'));
      return rootByInclusion(leafHash(frameOf(evidence.tenant, entry)), entry.seq - 1, checkpoint.size, proof);
    });
    if (root === null || !root.equals(checkpoint.root)) throw new Mismatch(entry.seq, 'is not in the log that was signed');
    const { type, proposalId } = madeOf(entry.seq, () => JSON.parse(entry.payload));
    if (entry === formatChanged ? type !== 'log.format_changed' : proposalId !== evidence.proposalId)
      throw new Mismatch(entry.seq, 'is of another proposal');
    madeOf(entry.seq, () => story.tell(entry));
  }
  story.end(asked.mostUnjudged);
  const told = story.proposals.get(evidence.proposalId);
  if (told === undefined) throw new Mismatch(null, 'the evidence has no entry of its proposal');
  const result = {
    tenant: evidence.tenant,
    proposalId: evidence.proposalId,
    size: checkpoint.size,
    signers: checkpoint.signers,
    witnessed: checkpoint.cosigned,
    status: told.status,
    ...story.counts,
  };
  if (plan !== null && told.digests?.has(plan.digest) !== true) throw new Mismatch(null, 'the plan is one that no entry tells of');
  if (told.executed === undefined) return result;
  const { planDigest, approvedBy, seq, isJudged } = told.executed;
  if (plan !== null && plan.digest !== planDigest) throw new Mismatch(seq, 'the plan is not the one that was executed');
  return { ...result, planDigest, approvedBy, isJudged };
}

/** From the header, the first line of a plan's bytes. @throws {Mismatch} where these are not the plan of the digest. */
function requirementOf({ digest, bytes }) {
  const plan = Buffer.from(bytes, 'base64');
  if (digest !== `sha256:${sha256(plan).toString('hex')}`) throw new Mismatch(null, 'the plan is not the one that its digest names');
  return JSON.parse(plan.toString('utf8').split('\n')[0]).requirement;
}

async function main(args) {
  const verifiers = [];
  const witnesses = [];
  const kept = [];
  const files = [];
  let quorum = null;
  let mostUnjudged = Number.POSITIVE_INFINITY;
  for (let at = 0; at < args.length; at++) {
    if (args[at] === '--key') verifiers.push(readVerifier(args[++at] ?? ''));
    else if (args[at] === '--witness') witnesses.push(readVerifier(args[++at] ?? '', 4));
    else if (args[at] === '--quorum') quorum = Number(args[++at]);
    else if (args[at] === '--unjudged') mostUnjudged = /^\d+$/.test(args[++at] ?? '') ? Number(args[at]) : Number.NaN;
    else if (args[at] === '--checkpoint') kept.push(readFileSync(args[++at] ?? '', 'utf8'));
    else files.push(args[at]);
  }
  if (files.length !== 1 || verifiers.length === 0 || files[0].startsWith('-') || Number.isNaN(mostUnjudged))
    throw new Error(
      'usage: exequatur-verify --key <verifier key> [--witness <verifier key> [--quorum <n>]] [--checkpoint <file>] [--unjudged <n>] EXPORT|EVIDENCE',
    );
  const all = namesOf(witnesses).length;
  const asked = { witnesses, quorum: quorum ?? all, mostUnjudged };
  const isQuorum = Number.isInteger(asked.quorum) && asked.quorum <= all && asked.quorum >= Math.min(1, all);
  if (!isQuorum) throw new Error(`a quorum is a number from 1 to that of the witnesses, which is ${all}`);
  const [file] = files;
  if ((await isEvidence(file)) && kept.length > 0)
    throw new Error('evidence of one action cannot be compared with a checkpoint that was kept: take an export');
  if (await isEvidence(file)) return verifyEvidence(JSON.parse(readFileSync(file, 'utf8')), verifiers, asked);
  return verifyExport(createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY }), verifiers, kept, asked);
}

async function isEvidence(file) {
  for await (const chunk of createReadStream(file, { start: 0, end: 200 })) return chunk.toString('utf8').includes('"evidence"');
  return false;
}

// npx runs it through a symbolic link.
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  try {
    console.log('whole', JSON.stringify(await main(process.argv.slice(2))));
  } catch (error) {
    console.log(error instanceof Mismatch ? `BROKEN ${error.message}` : `cannot be read: ${error.message}`);
    process.exitCode = error instanceof Mismatch ? 1 : 2;
  }
}
