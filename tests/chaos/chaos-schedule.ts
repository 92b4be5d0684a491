import { createHash } from 'node:crypto';
import type { OperatorDecision } from '../../ontology/saga.ts';
import { Dice } from '../trust/random-numbers.ts';
import type { FaultName } from './chaos-faults.ts';
import { type ReplyKind, replyKinds } from './chaos-replies.ts';

/** What somebody does; `reverted` names an earlier action, which is taken back where it was executed. */
export interface ChaosAction {
  kind: ActionKind;
  parcel: number;
  /** Of one that is about two of them. */
  other: number;
  weight: number;
  /** One of a few crates that come and go. */
  crate: number;
  /** What no two crates have. */
  seal: number;
  /** Of a change set: how a parcel is handed over in it. */
  way: 'handOver' | 'reserve' | 'collect';
  reverted: number;
  conflicts: 'skip' | 'refuse';
  isCancelled: boolean;
  /** What the carrier does at the first of its requests that it fits, but for which it is answered well until then. */
  mishap: ReplyKind | null;
  /** How often it is sent at once, under one idempotency key. */
  copies: number;
  /** Of one that a person is asked for: what two people do at the same instant; of `askInTime`, at the last. Nobody answers where there are none. */
  racers: readonly Racer[];
  /** What an operator chooses, again and again from the first, while it needs attention. */
  choices: readonly OperatorDecision[];
}

export type Racer = 'approve' | 'reject' | 'withdraw' | 'requestChanges';

/** Of a hundred actions. */
const shares = {
  handOver: 14,
  reserve: 12,
  collect: 10,
  watch: 6,
  changeSet: 8,
  relabel: 7,
  weigh: 8,
  askToWeigh: 8,
  askInTime: 3,
  pack: 5,
  unpack: 4,
  add: 3,
  reseal: 2,
  revert: 10,
};
export type ActionKind = keyof typeof shares;

/** So few that what one does is often in the way of another. */
export const crates = 3;

export interface ScheduledFault {
  fault: FaultName;
  /** It comes when so many actions have begun. */
  at: number;
  /** How long what is taken away stays away. */
  awayMs: number;
}

const weights: Record<FaultName, number> = {
  'worker killed': 6,
  'relay killed': 2,
  'API killed': 3,
  'database away': 3,
  'PostgreSQL killed': 2,
  'PostgreSQL restarted': 2,
  'Temporal killed': 1,
  'answer to a worker’s COMMIT lost': 4,
  'answer to an API’s COMMIT lost': 4,
  'workers killed and the answer to a COMMIT lost': 1,
  'workers of another build': 1,
  'clocks jumped': 2,
  'disk full': 1,
  'Temporal emptied': 0, // Once, where there is time for it: what was lost is missed after half a minute.
};
const actionsForEmptying = 200;
const actionsPerFault = 8;

/** All that a seed decides: the same number of the same seed is the same, whatever came of the others. */
export class ChaosSchedule {
  readonly actions: ChaosAction[];
  readonly faults: ScheduledFault[];
  private readonly seed: number;

  /** `hasDisk`: whether there is a disk that can be filled. */
  constructor(seed: number, actions: number, parcels: number, hasDisk: boolean) {
    this.seed = seed;
    this.actions = withMishaps(Array.from({ length: actions }, (_, n) => actionOf(this.dice('action', n), n, parcels)));
    this.faults = faultsOf(this.dice('faults'), actions, hasDisk);
  }

  /** Dice of its own for whatever is named. */
  dice(...names: (string | number)[]): Dice {
    return new Dice(
      createHash('sha256')
        .update([this.seed, ...names].join(' '))
        .digest()
        .readUInt32BE(0),
    );
  }
}

/** Each that the carrier hears of comes at the beginning, and each that a few dozen may lack. */
const first: readonly ActionKind[] = ['handOver', 'reserve', 'collect', 'watch', 'changeSet', 'pack', 'unpack', 'askInTime'];
const kinds = (Object.keys(shares) as ActionKind[]).flatMap((kind) => Array<ActionKind>(shares[kind]).fill(kind));
const onCrates: readonly ActionKind[] = ['pack', 'unpack', 'add', 'reseal'];

function actionOf(dice: Dice, n: number, parcels: number): ChaosAction {
  const kind = first[n] ?? dice.pick(kinds);
  const parcel = dice.roll(parcels);
  const isLeftAlone = kind === 'askInTime' && dice.chance(50);
  const isApproved = kind === 'changeSet' && dice.chance(60);
  return {
    kind,
    parcel,
    other: (parcel + 1 + dice.roll(parcels - 1)) % parcels,
    weight: dice.roll(50),
    crate: dice.roll(crates),
    seal: dice.roll(crates),
    way: dice.pick(['handOver', 'reserve', 'collect']),
    reverted: n === 0 ? 0 : dice.roll(n),
    conflicts: dice.pick(['skip', 'refuse']),
    isCancelled: dice.chance(8),
    mishap: null,
    copies: dice.chance(10) && !onCrates.includes(kind) ? 6 : 1, // One that names a crate is accepted while that is there.
    racers: isLeftAlone
      ? []
      : isApproved
        ? ['approve']
        : dice.some<Racer>(['approve', 'approve', 'reject', 'withdraw', 'requestChanges'], 2),
    choices: dice.some(['retry', 'retry', 'skip', 'skip', 'abort'], 8),
  };
}

/** Each kind of misbehaviour in turn, at the actions that have effects and are not cancelled; two of them where alone they can happen. */
function withMishaps(actions: ChaosAction[]): ChaosAction[] {
  const others = replyKinds.filter((kind) => !(kind in placeOf));
  const missing = new Set(Object.keys(placeOf) as (keyof typeof placeOf)[]);
  let next = 0;
  return actions.map((action) => {
    const mayEndBefore = action.kind === 'changeSet' && action.racers.length > 1;
    if (!carried.includes(action.kind) || action.isCancelled || mayEndBefore) return action;
    for (const kind of missing) if (placeOf[kind] === action.kind && missing.delete(kind)) return { ...action, mishap: kind };
    return { ...action, mishap: others[next++ % others.length] ?? null };
  });
}

const placeOf = { 'wrong body': 'handOver', 'not kept': 'watch' } as const;

/** Those that the carrier hears of, if they are accepted at all, and whose end it hears of at last. */
const carried: readonly ActionKind[] = ['handOver', 'reserve', 'collect', 'watch', 'changeSet'];

/** Each kind once at least, at random places. */
function faultsOf(dice: Dice, actions: number, hasDisk: boolean): ScheduledFault[] {
  const kinds = (Object.keys(weights) as FaultName[]).filter((fault) => weights[fault] > 0 && (hasDisk || fault !== 'disk full'));
  const bag = kinds.flatMap((fault) => Array<FaultName>(weights[fault]).fill(fault));
  const drawn = [...kinds, ...dice.some(bag, Math.max(0, Math.floor(actions / actionsPerFault) - kinds.length))];
  if (actions >= actionsForEmptying) drawn.push('Temporal emptied');
  const shuffled: FaultName[] = [];
  while (drawn.length > 0) shuffled.push(...drawn.splice(dice.roll(drawn.length), 1));
  return shuffled.map((fault, n) => ({ fault, at: Math.floor((n * actions * 0.8) / shuffled.length), awayMs: 200 + dice.roll(600) }));
}
