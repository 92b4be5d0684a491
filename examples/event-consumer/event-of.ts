import type { KafkaMessage } from 'kafkajs';
import type { ReceivedEvent } from './apply-event.ts';

/** CloudEvents' binary mode: attributes are headers, the value is the data. */
export function eventOf({ headers, value }: Pick<KafkaMessage, 'headers' | 'value'>): ReceivedEvent {
  const attribute = (name: string) => String(headers?.[`ce_${name}`] ?? '');
  return {
    source: attribute('source'),
    id: attribute('id'),
    type: attribute('type'),
    data: value === null ? null : JSON.parse(value.toString()),
  };
}
