import type pg from 'pg';
import { isEffectFunction, type RegisteredFunction } from '../../ontology/ontology-function.ts';
import { openSender } from '../../outbound/send-request.ts';
import { readClock } from '../../store/database-clock.ts';
import { readEndpointSecrets } from '../../store/endpoint-secrets.ts';
import type { SecretBox } from '../../store/secret-box.ts';
import { withTenant } from '../../store/sql.ts';
import type { StepDeps } from './perform-step.ts';

interface OutsideOptions {
  pool: pg.Pool;
  functions: readonly RegisteredFunction[];
  /** What effects may reach although it is private: `SenderOptions`. */
  allowedAddresses: readonly string[];
  /** Opens the secrets of endpoints. */
  secrets: SecretBox;
}

/** How effects leave the house: signed and guarded webhooks, and registered functions. */
export function openOutside({
  pool,
  functions,
  allowedAddresses,
  secrets: box,
}: OutsideOptions): Pick<StepDeps, 'sendWebhook' | 'effectFunctions'> {
  const send = openSender({ allowedAddresses });
  return {
    async sendWebhook(tenant, { endpoint, method, url, body, timeoutMs }, id, { signal, answerBy, isHeld }) {
      const [known, ms] = await withTenant(pool, tenant, (tx) => Promise.all([readEndpointSecrets(tx, endpoint, box), readClock(tx)]));
      if (known === null)
        return { kind: 'not_sent', code: 'secret_sealed', reason: 'no key of this deployment opens a secret of the endpoint' };
      const { signing, headers } = known;
      const leftMs = answerBy - performance.now();
      if (leftMs < 1 || !isHeld())
        return { kind: 'not_sent', code: 'too_late', reason: 'the attempt came to be sent when its time was over' };
      return send(
        {
          tenant,
          method,
          url,
          ...(body === undefined ? {} : { body }),
          id,
          secrets: signing,
          headers,
          at: new Date(ms),
          timeoutMs: Math.min(timeoutMs, Math.floor(leftMs)),
          mayBeSent: isHeld,
        },
        signal,
      );
    },
    effectFunctions: functions.filter(isEffectFunction),
  };
}
