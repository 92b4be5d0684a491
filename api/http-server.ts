import { createServer, type Server } from 'node:http';
import type { ApiContext } from './api-context.ts';
import { createApp } from './app.ts';
import { refuseUnreadable } from './refuse-unreadable.ts';

/** How long a client may take to send a request. */
export interface Patience {
  headersMs: number;
  wholeMs: number;
  /** How often Node looks for connections that are past it. */
  checkEveryMs: number;
}

const ordinaryPatience: Patience = {
  headersMs: 10_000,
  wholeMs: 30_000, // A client that sends its request more slowly than this holds a connection for nothing.
  checkEveryMs: 2_000, // With Node's own thirty seconds, the ten above would mean up to forty.
};

/** Longer than clients and load balancers commonly keep an idle connection: where we end it just as a request is on its way, that request fails. */
const idleMs = 65_000;

/** The API's HTTP server, not yet listening. Whatever arrives, also what is no request, is answered with a problem document or by closing the connection. */
export function createHttpServer(context: ApiContext, patience: Patience = ordinaryPatience): Server {
  const server = createServer({
    headersTimeout: patience.headersMs,
    requestTimeout: patience.wholeMs,
    connectionsCheckingInterval: patience.checkEveryMs,
    keepAliveTimeout: idleMs,
    requireHostHeader: false, // Asked for in app.ts, since Node's own refusal is empty.
  });
  refuseUnreadable(server, context.resources.logger);
  const app = createApp(context);
  server.on('request', app);
  server.on('checkExpectation', app); // An Expect we do not know is ignored, as RFC 9110 allows; Node's own refusal is empty.
  return server;
}
