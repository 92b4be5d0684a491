import { createHash } from 'node:crypto';
import { Dice } from '../trust/random-numbers.ts';
import type { FaultName } from './chaos-faults.ts';
import { type ReplyKind, replyKinds } from './chaos-replies.ts';

/** What somebody does; `reverted` names an earlier action, which is taken back where it was executed. */
export interface ChaosAction {
  kind: 'handOver' | 'reserve' | 'collect' | 'relabel' | 'weigh' | 'askToWeigh' | 'revert';
  parcel: number;
  weight: number;
  reverted: number;
  conflicts: 'skip' | 'refuse';
  isCancelled: boolean;
  /** What the carrier does at the first of its requests that it fits, but for which it is answered well until then. */
  mishap: ReplyKind | null;
  /** How often it is sent at once, under one idempotency key. */
  copies: number;
  /** Of one that a person is asked for: what two people do at the same instant. */
  racers: readonly Racer[];
  /** What an operator chooses, again and again from the first, while it needs attention. */
  choices: readonly ('retry' | 'skip')[];
}

export type Racer = 'approve' | 'reject' | 'withdraw' | 'revise';

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

function actionOf(dice: Dice, n: number, parcels: number): ChaosAction {
  const roll = dice.roll(100);
  const kind =
    n < carried.length
      ? (carried[n] ?? 'handOver')
      : roll < 20
        ? 'handOver'
        : roll < 36
          ? 'reserve'
          : roll < 50
            ? 'collect'
            : roll < 62
              ? 'relabel'
              : roll < 75
                ? 'weigh'
                : roll < 87
                  ? 'askToWeigh'
                  : 'revert';
  return {
    kind,
    parcel: dice.roll(parcels),
    weight: dice.roll(50),
    reverted: n === 0 ? 0 : dice.roll(n),
    conflicts: dice.pick(['skip', 'refuse']),
    isCancelled: dice.chance(8),
    mishap: null,
    copies: dice.chance(10) ? 6 : 1,
    racers: dice.some<Racer>(['approve', 'approve', 'reject', 'withdraw', 'revise'], 2),
    choices: dice.some(['retry', 'skip', 'skip'], 8),
  };
}

/** Each kind of misbehaviour in turn, at the actions that have effects and are not cancelled: a wrong body where there is one to be read. */
function withMishaps(actions: ChaosAction[]): ChaosAction[] {
  const [first, ...others] = replyKinds;
  let next = 0;
  let hasFirst = false;
  return actions.map((action) => {
    if (!isCarried(action) || action.isCancelled) return action;
    if (action.kind === 'handOver' && !hasFirst) {
      hasFirst = true;
      return { ...action, mishap: first };
    }
    return { ...action, mishap: others[next++ % others.length] ?? null };
  });
}

const carried: readonly ChaosAction['kind'][] = ['handOver', 'reserve', 'collect'];

/** Whether it is one that the carrier hears of. */
function isCarried({ kind }: Pick<ChaosAction, 'kind'>): boolean {
  return carried.includes(kind);
}

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
