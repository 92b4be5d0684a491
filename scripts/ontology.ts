import { runOntologyCommand } from './ontology/run-command.ts';

/** `npm run ontology -- push | diff | pull`: the ontology as code. What is asked for goes to stdout, what went wrong to stderr. */
process.exitCode = await runOntologyCommand(process.argv.slice(2), {
  out: (line) => console.log(line),
  error: (line) => console.error(line),
});
