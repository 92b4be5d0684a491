import type { CloudEvent } from '../ontology/cloud-event.ts';

/** Where events are published. */
export interface EventSink {
  /**
   * Publishes these events of one tenant, those of one key in this order. Resolves when all are stored where no single failure loses them.
   * @throws EventsRefused where one of them will never be taken as it is; the others may have been stored. Anything else: the sink is away, and it is tried again.
   */
  publish(events: readonly CloudEvent[]): Promise<void>;
  close(): Promise<void>;
}

/** The sink will not take one of the events however often it is sent. */
export class EventsRefused extends Error {}
