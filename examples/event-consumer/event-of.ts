import type { KafkaMessage } from 'kafkajs';
import type { ReceivedEvent } from './apply-event.ts';

/** An event as its record has it. */
export interface RecordedEvent extends ReceivedEvent {
  tenant: string;
  /** Where the data are, if the record had no room for them. */
  dataref: string | null;
}

/** CloudEvents' binary mode: attributes are headers, the value is the data. */
export function eventOf({ headers, value }: Pick<KafkaMessage, 'headers' | 'value'>): RecordedEvent {
  const attribute = (name: string) => String(headers?.[`ce_${name}`] ?? '');
  return {
    source: attribute('source'),
    id: attribute('id'),
    type: attribute('type'),
    tenant: attribute('tenant'),
    dataref: attribute('dataref') || null,
    data: value === null ? null : JSON.parse(value.toString()),
  };
}
