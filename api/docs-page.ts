import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { Express } from 'express';
import { events } from '../ontology/events.ts';

const assets = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const served = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/** A page for trying the API in a browser, from files in the installation alone. It has no script of its own, so the policy needs no exception for one. */
export const docsPage = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Exequatur API</title>
  <link rel="stylesheet" href="/docs/assets/swagger-ui.css">
  <link rel="icon" type="image/png" href="/docs/assets/favicon-32x32.png">
</head>
<body>
  <div id="page"></div>
  <section class="swagger-ui wrapper">
    <h2>Events</h2>
    <p>Read or followed at <code>/v1/events</code>, or taken from Kafka; described by <a href="/asyncapi.json">/asyncapi.json</a>.</p>
    <dl>
${eventList()}
    </dl>
  </section>
  <noscript>The machine-readable description is at <a href="/openapi.json">/openapi.json</a>.</noscript>
  <script src="/docs/assets/swagger-ui-bundle.js"></script>
  <script src="/docs/assets/start.js"></script>
</body>
</html>
`;

function eventList(): string {
  const items = Object.entries(events).map(
    ([type, words]) => `      <dt><a href="/schemas/events/${type}.json">${type}</a></dt><dd>${escaped(words)}</dd>`,
  );
  return items.join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

const startScript = `window.addEventListener('load', () => {
  window.SwaggerUIBundle({ url: '/openapi.json', dom_id: '#page', deepLinking: true, persistAuthorization: false, validatorUrl: null });
});
`;

export function serveDocsAssets(app: Express): void {
  app.get('/docs/', (_request, response) => response.redirect(308, '/docs'));
  app.get('/docs/assets/start.js', (_request, response) => {
    response.type('text/javascript').send(startScript);
  });
  for (const file of served) {
    app.get(`/docs/assets/${file}`, (_request, response) => response.sendFile(file, { root: assets, maxAge: '1h' }));
  }
}
