/** A piece of a generated text: words to pass on, or the numbers of the sources that stand in brackets behind them. */
export type MarkedPiece =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'marker'; readonly numbers: readonly number[] };

const marker = /[^\S\n]*\[(\d{1,3}(?:\s?,\s?\d{1,3})*)\]/g;
// What may still become a marker when more text comes: blanks, then the beginning of a bracket.
const unfinished = /[^\S\n]*(?:\[[\d\s,]{0,40})?$/;

/** Takes markers such as ` [2]` or `[1, 3]` out of a text that comes in pieces, however the pieces are cut. */
export class MarkerReader {
  private held = '';

  read(text: string): MarkedPiece[] {
    const all = this.held + text;
    const keep = unfinished.exec(all)?.index ?? all.length;
    this.held = all.slice(keep);
    return split(all.slice(0, keep));
  }

  /** What was held back and came to nothing. */
  end(): MarkedPiece[] {
    const rest = this.held;
    this.held = '';
    return split(rest);
  }
}

function split(text: string): MarkedPiece[] {
  const pieces: MarkedPiece[] = [];
  let at = 0;
  for (const found of text.matchAll(marker)) {
    if (found.index > at) pieces.push({ type: 'text', text: text.slice(at, found.index) });
    pieces.push({ type: 'marker', numbers: found[1]!.split(',').map(Number) });
    at = found.index + found[0].length;
  }
  if (at < text.length) pieces.push({ type: 'text', text: text.slice(at) });
  return pieces;
}
