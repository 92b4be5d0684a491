import { nearestName } from '../ontology/nearest-name.ts';

/** What nothing has or is at the place where a policy asks for it, with the name that comes nearest, or where none does with those that there are. */
export function neverThere(asks: string, name: string, names: readonly string[]): string {
  return `${asks} ${quoted(name)}, which there never is at that place${instead(name, names)}`;
}

function instead(name: string, names: readonly string[]): string {
  const near = nearestName(name, names);
  if (near !== null) return `; did you mean ${quoted(near)}?`;
  return names.length === 0 || names.length > mostListed
    ? ''
    : `; there ${names.length === 1 ? 'is' : 'are'} ${names.map(quoted).join(', ')}`;
}

function quoted(name: string): string {
  return JSON.stringify(name.length > longestShown ? `${name.slice(0, longestShown).toWellFormed()}…` : name);
}

const longestShown = 80; // Names of an ontology have at most 63 characters.
const mostListed = 8; // More of them nobody reads in a message.
