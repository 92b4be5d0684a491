import type { Registry } from 'prom-client';
import { type RelaySettings, secretsKeys } from '../config.ts';
import { openSender } from '../outbound/send-request.ts';
import { openPool } from '../store/connect.ts';
import { SecretBox } from '../store/secret-box.ts';
import { readWebhookBacklog } from '../store/webhook-lanes.ts';
import type { Logger } from '../telemetry/logger.ts';
import { WebhookDelivery } from './deliver-webhooks.ts';
import type { Round } from './poll.ts';
import { webhookMetrics } from './webhook-metrics.ts';

const everyMs = 250; // How late an event may be sent that comes when nothing is to do; each round asks for the lanes that have something.
const backlogEveryMs = 5_000; // It counts over all tenants.

/** Delivery to subscribers. `close` waits for what is under way. */
export function webhookRounds({
  settings,
  registry,
  logger,
  signal,
}: {
  settings: RelaySettings;
  registry: Registry;
  logger: Logger;
  signal: AbortSignal;
}): { rounds: Round[]; close(): Promise<void> } {
  const metrics = webhookMetrics(registry);
  // Receivers are waited for by many at once; what they ask of the database keeps nothing else waiting.
  const pool = openPool(settings.EXEQUATUR_RELAY_DATABASE_URL, { max: 4, applicationName: 'exequatur-relay-webhooks' });
  const delivery = new WebhookDelivery({
    pool,
    send: openSender({ allowedAddresses: settings.EXEQUATUR_EFFECTS_ALLOWED_ADDRESSES }),
    secrets: new SecretBox(secretsKeys(settings)),
    signal,
    logger,
    onOutcome: metrics.count,
  });
  const backlog = async () => {
    metrics.show(await readWebhookBacklog(pool));
    return false;
  };
  return {
    rounds: [
      { name: 'webhooks', everyMs, work: () => delivery.round() },
      { name: 'webhook_backlog', everyMs: backlogEveryMs, work: backlog },
    ],
    async close() {
      await delivery.settle();
      await pool.end();
    },
  };
}
