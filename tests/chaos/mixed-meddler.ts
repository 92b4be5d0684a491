import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../ontology/json.ts';
import type { Received, Reply } from '../effects/receiver.ts';

const patienceMs = 1_200; // Less than an endpoint's timeout.

interface Parts {
  /** @returns the proposal's id; null where it was refused */
  propose: (body: object, key: string) => Promise<string | null>;
  untilOver: (proposalId: string) => Promise<unknown>;
}

/** Somebody who changes what an execution has changed, while the carrier makes up its mind to refuse it: so that its undo finds that in its way. */
export class Meddler {
  /** Proposals of theirs that were accepted. */
  readonly accepted = new Set<string>();
  private readonly parts: Parts;
  private readonly begun = new Map<string, Promise<void>>();

  constructor(parts: Parts) {
    this.parts = parts;
  }

  /** The same refusal, once they are through with it, or it takes too long. */
  before(reply: Reply, received: Received): Reply {
    const { key } = received;
    if (this.begun.has(key)) return reply;
    const meddling = this.meddle(received);
    meddling.catch(() => undefined); // Whoever waits for all of it is told.
    this.begun.set(key, meddling);
    return { ...reply, meanwhile: () => Promise.race([meddling.catch(() => undefined), sleep(patienceMs)]) };
  }

  async untilThrough(): Promise<void> {
    await Promise.all(this.begun.values());
  }

  private async meddle({ key, body }: Received): Promise<void> {
    const { parcel, crate } = body as JsonObject;
    const name = `meddled-${this.begun.size}`;
    const [actionType, parameters] = crate === undefined ? ['relabel', { parcel, depot: name }] : ['reseal', { crate, seal: name }];
    const id = await this.parts.propose({ actionType, parameters, justification: 'meddling' }, `meddling-${key}`);
    if (id === null) return;
    this.accepted.add(id);
    await this.parts.untilOver(id);
  }
}
