import { Html } from './html.ts';

/** For screens and for paper: rows are not torn apart, headings stay with what follows, and hashes break wherever they must. */
export const evidenceStyle = new Html(`
  :root { color-scheme: light; font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; }
  body { max-width: 70rem; margin: 2rem auto; padding: 0 1.5rem; }
  header { display: flex; gap: 1rem; align-items: baseline; justify-content: space-between; border-bottom: 2px solid #1a1a1a; }
  h1 { font-size: 1.5rem; margin: 0 0 .4rem; }
  h2 { font-size: 1.05rem; margin: 1.8rem 0 .5rem; break-after: avoid; }
  .status { border: 1px solid; border-radius: 3px; padding: .1rem .6rem; margin: 0; }
  dl { display: grid; grid-template-columns: 9rem 1fr; gap: .25rem 1rem; margin: 0; }
  dt { color: #555; }
  dd { margin: 0; overflow-wrap: anywhere; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #ccc; overflow-wrap: anywhere; }
  th { color: #555; font-weight: 600; white-space: nowrap; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  code, pre { font: 12px/1.5 ui-monospace, monospace; }
  pre { background: #f4f4f4; padding: .7rem; white-space: pre-wrap; overflow-wrap: anywhere; break-inside: avoid; }
  .quote { white-space: pre-wrap; color: #333; }
  .hash { display: block; font-size: 11px; word-break: break-all; }
  .when, time { white-space: nowrap; width: 1%; font-variant-numeric: tabular-nums; }
  .entries td:last-child { width: 28rem; }
  .plain { list-style: none; padding: 0; }
  .plain li { display: grid; grid-template-columns: 12.5rem 1fr; padding: .2rem 0; break-inside: avoid; }
  .plain time { color: #555; }
  footer { margin-top: 2rem; padding-top: .5rem; border-top: 1px solid #ccc; color: #555; font-size: .8rem; overflow-wrap: anywhere; }
  @page { size: A4; margin: 16mm 14mm; }
  @media print {
    :root { font-size: 10.5px; }
    body { max-width: none; margin: 0; padding: 0; }
    code, pre, .hash { font-size: 8.5px; }
    .entries td:last-child { width: 34rem; }
    pre { border: 1px solid #ccc; background: none; }
  }
`);
