/** Markup that is safe to put into a page. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Piece = Html | string | number | null | undefined | readonly Piece[];

/** A template in which everything is text, whoever wrote it, but what is `Html` already. */
export function html(parts: TemplateStringsArray, ...pieces: Piece[]): Html {
  return new Html(parts.reduce((text, part, at) => text + asMarkup(pieces[at - 1]) + part));
}

function asMarkup(piece: Piece): string {
  if (piece instanceof Html) return piece.text;
  if (Array.isArray(piece)) return piece.map(asMarkup).join('');
  return piece === null || piece === undefined ? '' : escaped(String(piece));
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** What is invisible, or turns the direction of what follows, is shown by its number: a page must not read otherwise than what is written there. */
function escaped(text: string): string {
  return text
    .replace(/[&<>"']/g, (mark) => entities[mark] ?? '')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu, (mark) =>
      mark === '\n' || mark === '\t' ? mark : `\u27e8U+${(mark.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}\u27e9`,
    );
}
