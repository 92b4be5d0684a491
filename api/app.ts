import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { refuse } from '../store/refusal.ts';
import { measureRequests, traceRequests } from '../telemetry/requests.ts';
import { answerError } from './answer-error.ts';
import type { ApiContext } from './api-context.ts';
import { serveDocsAssets } from './docs-page.ts';
import { problemMediaType } from './problem.ts';
import { logRequests, problemAnswer } from './request-log.ts';
import type { Route, RouteRefusal } from './route.ts';
import { routes } from './routes.ts';
import { expressPath, serveRoute } from './serve-route.ts';

/** The HTTP surface over its resources, without a port: tests serve the same one. */
export function createApp(context: ApiContext): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag'); // The one ETag we give is a digest that means something.
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.set('query parser', false); // serve-route.ts reads queries itself, strictly.
  app.use(traceRequests(), measureRequests(context.resources.registry), logRequests(context.resources.logger), helmet(security));
  app.use(refuseWithoutHost);
  app.use('/v1', (_request, response, next) => {
    response.setHeader('cache-control', 'private, no-store'); // Answers depend on who asks; nothing between may keep them.
    next();
  });
  for (const route of routes) serveRoute(app, route, context);
  refuseOtherMethods(app);
  serveDocsAssets(app);
  app.use((request: Request, response: Response) => sendProblem(request, response, refuse('not_found')));
  app.use(answerError(context.resources.pool));
  return app;
}

/** What the docs page needs and no more; everything it loads comes from here, so it also works where the internet does not. */
const security: Parameters<typeof helmet>[0] = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      baseUri: ["'none'"],
      connectSrc: ["'self'"],
      fontSrc: ["'self'", 'data:'],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
      imgSrc: ["'self'", 'data:'],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'", "'unsafe-inline'"], // Swagger UI writes style attributes.
    },
  },
};

const withoutHost: RouteRefusal = {
  ...refuse('malformed_request', [{ code: 'malformed_request', pointer: '/Host', message: 'is missing' }]),
  place: 'header',
};

/** HTTP/1.1 asks for a Host header. Node would refuse with an empty answer, so it leaves that to us. */
function refuseWithoutHost(request: Request, response: Response, next: NextFunction): void {
  if (request.headers.host === undefined && request.httpVersion === '1.1') sendProblem(request, response, withoutHost);
  else next();
}

/** A known address asked with another method is told which ones it answers. */
function refuseOtherMethods(app: Express): void {
  const methods = new Map<string, string[]>();
  for (const { method, path } of routes as readonly Route[])
    methods.set(path, [...(methods.get(path) ?? []), ...(method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()])]);
  for (const [path, allowed] of methods) {
    app.all(expressPath(path), (request, response) => {
      response.setHeader('allow', allowed.join(', '));
      sendProblem(request, response, refuse('method_not_allowed'));
    });
  }
}

function sendProblem(request: Request, response: Response, refusal: RouteRefusal): void {
  const { status, headers, document } = problemAnswer(request, response, refusal);
  response.status(status).set(headers).type(problemMediaType).send(JSON.stringify(document));
}
