import { Webhook } from 'standardwebhooks';

/** The headers of a Standard Webhooks request: with several secrets, newest first, each signs, so that a receiver may still hold the one before. Without a secret nothing is signed. */
export function signatureHeaders(id: string, text: string, secrets: readonly string[], now: Date): Record<string, string> {
  if (secrets.length === 0) return {};
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, now, text)).join(' '),
  };
}
