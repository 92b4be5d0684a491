import { type Authentication, authenticate, type TokenRules } from './authenticate.ts';

const rememberedMs = 10_000; // How long a token outlives the removal of its key from the key set; standing is asked at every request all the same.
const mostRemembered = 1_000; // Tokens are a few kilobytes at most.

/** Authenticates requests, and verifies the signature of a token that comes again and again only once in a while: that is half a millisecond each time. */
export class CallerMemory {
  private readonly rules: TokenRules;
  private readonly known = new Map<string, { authentication: Authentication; until: number }>();

  constructor(rules: TokenRules) {
    this.rules = rules;
  }

  async authenticate(authorization: string | undefined): Promise<Authentication> {
    const known = this.known.get(authorization ?? '');
    if (known !== undefined && this.rules.now() < known.until) return known.authentication;
    const authentication = await authenticate(authorization, this.rules);
    if ('caller' in authentication) this.remember(authorization ?? '', authentication);
    return authentication;
  }

  private remember(authorization: string, authentication: Authentication & { expiresAt: number }): void {
    this.known.delete(authorization);
    const oldest = this.known.keys().next();
    if (this.known.size >= mostRemembered && !oldest.done) this.known.delete(oldest.value);
    this.known.set(authorization, { authentication, until: Math.min(authentication.expiresAt, this.rules.now() + rememberedMs) });
  }
}
