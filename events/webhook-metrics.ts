import { Counter, Gauge, type Registry } from 'prom-client';
import type { WebhookBacklog } from '../store/webhook-lanes.ts';
import type { DeliveryOutcome } from './deliver-lane.ts';

/** How deliveries to subscriptions fare. No labels of tenants or names: there may be many. */
export function webhookMetrics(registry: Registry): { count(outcome: DeliveryOutcome): void; show(backlog: WebhookBacklog): void } {
  const deliveries = new Counter({
    name: 'exequatur_webhook_deliveries_total',
    help: 'Attempts to deliver an event to a subscription, and what they led to.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const gauge = (name: string, help: string) => new Gauge({ name: `exequatur_webhook_${name}`, help, registers: [registry] });
  const failing = gauge('subscriptions_failing', 'Subscriptions to which nothing could be delivered last.');
  const disabled = gauge('subscriptions_disabled', 'Subscriptions that were given up.');
  const deadLetters = gauge('dead_letters', 'Events that were given up and not sent again since.');
  const lag = gauge('lag_seconds', 'Age of the oldest entry that a subscription in use has not come to.');
  return {
    count: (outcome) => deliveries.inc({ outcome }),
    show(backlog) {
      failing.set(backlog.failing);
      disabled.set(backlog.disabled);
      deadLetters.set(backlog.deadLetters);
      lag.set(backlog.lagSeconds);
    },
  };
}
