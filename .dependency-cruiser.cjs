/**
 * Who may import whom. Each folder lists what it may reach; anything else between the product's folders is an error, so a new direction is a decision and
 * not an accident.
 */
const folders = ['ontology', 'policy', 'workflows', 'activities', 'store', 'audit', 'events', 'outbound', 'telemetry', 'api', 'witness'];

/** Folder -> what of the product it may import besides itself. Regular expressions over paths. */
const mayImport = {
  ontology: [],
  policy: ['^ontology/'],
  audit: ['^ontology/'],
  telemetry: ['^ontology/'],
  outbound: ['^ontology/'],
  store: ['^ontology/', '^audit/', '^telemetry/', '^generated/'],
  activities: ['^ontology/', '^policy/', '^store/', '^audit/', '^outbound/', '^telemetry/', '^workflows/[^/]+\\.contract\\.ts$'],
  events: ['^ontology/', '^audit/', '^store/', '^outbound/', '^telemetry/', '^workflows/[^/]+\\.contract\\.ts$', '^config\\.ts$'],
  api: ['^ontology/', '^policy/', '^audit/', '^store/', '^telemetry/', '^generated/', '^workflows/[^/]+\\.contract\\.ts$', '^config\\.ts$'],
  witness: ['^audit/'],
};

const tests = '\\.test\\.ts$';

const directions = Object.entries(mayImport).map(([folder, allowed]) => ({
  name: `${folder}-imports`,
  severity: 'error',
  comment: `${folder}/ may import ${allowed.length === 0 ? 'nothing else of the product' : allowed.join(', ')}.`,
  from: { path: `^${folder}/`, pathNot: tests },
  to: { path: [`^(${folders.join('|')}|scripts|tests|bench|examples|generated)/`, '^[^/]+\\.ts$'], pathNot: [`^${folder}/`, ...allowed] },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...directions,
    {
      name: 'workflows-imports',
      severity: 'error',
      comment: 'Workflow code runs in a sandbox: lifecycle, contracts, and the types of activities; no zod, no WASM, no Node.',
      from: { path: '^workflows/', pathNot: [tests, '\\.contract\\.ts$'] },
      to: {
        path: '.',
        pathNot: ['^workflows/', '^ontology/lifecycle\\.ts$', '@temporalio/(workflow|common)/', '@temporalio/interceptors-opentelemetry/'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'workflow-types',
      severity: 'error',
      comment: 'Even as types, workflows see activities and the ontology alone.',
      from: { path: '^workflows/', pathNot: tests },
      to: { path: '^(api|store|policy|audit|events|outbound|telemetry|scripts|bench|examples|generated)/' },
    },
    {
      name: 'contracts-are-light',
      severity: 'error',
      comment: 'API, worker and relay load the contracts, the sandbox too.',
      from: { path: '^workflows/[^/]+\\.contract\\.ts$' },
      to: { path: '.', pathNot: ['^workflows/[^/]+\\.contract\\.ts$', '^ontology/', '@temporalio/(workflow|common)/'] },
    },
    {
      name: 'pure-core',
      severity: 'error',
      comment: 'The ontology is pure: no clock of its own, no I/O, no database, no Temporal. Hashes are all it takes from Node.',
      from: { path: '^ontology/', pathNot: tests },
      to: {
        path: [
          '^(fs|net|http|https|child_process|os|dns|tls|worker_threads|cluster|timers)(/|$)',
          'node_modules/(pg|@prisma|@temporalio|express|pino|jose)/',
        ],
      },
    },
    {
      name: 'store-owns-the-database',
      severity: 'error',
      comment: 'SQL and Prisma live in store/ alone.',
      from: { path: '^(ontology|policy|workflows|audit|events|outbound|telemetry)/', pathNot: tests },
      to: { path: 'node_modules/(pg|@prisma)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'one-place-for-the-policy-engine',
      severity: 'error',
      comment:
        'WebAssembly can be loaded neither in the sandbox of workflows nor by those who merely ask: the engine stays behind its port.',
      from: { path: `^(${folders.filter((folder) => folder !== 'policy').join('|')})/` },
      to: { path: 'node_modules/@cedar-policy/' },
    },
    {
      name: 'the-witness-needs-node-alone',
      severity: 'error',
      comment: 'Somebody else runs it, on another site, and is to read all of it first.',
      from: { path: '^(witness/|audit/(consistency|cosignature|merkle|note-keys|signed-note)\\.ts$)', pathNot: tests },
      to: { path: ['node_modules/', '^ontology/'] },
    },
    {
      name: 'nobody-imports-an-entry-point',
      severity: 'error',
      from: { pathNot: '^$' },
      to: { path: '^(worker\\.ts|api/server\\.ts|witness/run-witness\\.ts)$' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'product-does-not-need-development-packages',
      severity: 'error',
      from: { path: `^(${folders.join('|')})/|^(worker|config)\\.ts$`, pathNot: tests },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: 'node_modules/@types/' },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^generated/'] },
    exclude: { path: ['^\\.exequatur/', '^dist/'] },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
