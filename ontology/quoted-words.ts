const longest = 300;

/** What a library or an engine says of a text that somebody wrote in its language: named as its words, since they are not ours and may change with it, and bounded. */
export function quotedWords(speaker: string, words: string): string {
  return `${speaker} says: ${words.length > longest ? `${words.slice(0, longest).toWellFormed()}…` : words}`;
}
