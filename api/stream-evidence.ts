import type { EvidencePlan } from '../store/read-log.ts';

/** A bundle as JSON, with the plan as its last member, chunk by chunk as it is taken: however large plans are, and however many are read at once, one chunk of each is in memory. */
export async function* streamEvidence(
  bundle: object,
  plan: EvidencePlan | null,
  read: (plan: EvidencePlan, ordinal: number) => Promise<Buffer>,
): AsyncGenerator<string> {
  const others = JSON.stringify(bundle).slice(0, -1);
  if (plan === null) {
    yield `${others},"plan":null}`;
    return;
  }
  yield `${others},"plan":{"digest":${JSON.stringify(plan.digest)},"bytes":"`;
  let rest: Buffer = Buffer.alloc(0); // Base64 is of three bytes each, and chunks end anywhere.
  for (let ordinal = 0; ordinal < plan.chunks; ordinal++) {
    const bytes = Buffer.concat([rest, await read(plan, ordinal)]);
    const whole = bytes.length - (bytes.length % 3);
    yield bytes.toString('base64', 0, whole);
    rest = bytes.subarray(whole);
  }
  yield `${rest.toString('base64')}"}}`;
}
