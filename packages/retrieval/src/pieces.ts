import type { Block } from './extract.js';

/** A sentence, a line, or a run of words: chunks begin and end where pieces do. Without surrounding whitespace. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  /** Estimated, with the whitespace that follows; a long gap counts like the words it could hold. */
  readonly tokens: number;
}

// The next word and the whitespace behind it. A run longer than this is no word: it is cut.
const wordPattern = /\S{1,96}\s*/uy;
// Shorter sentences are kept together, which bounds the number of pieces.
const minSentenceTokens = 12;
const charactersPerWord = 12;
const sentenceEnd = /[.!?…][\p{Pe}\p{Pf}"']*$|[。！？]$/u;
// Each such character is a token of its own, more or less.
const ideograph = /[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]/g;

/** Splits a block into pieces of at most `maxTokens`, where one word is not longer. Linear in the block's length. */
export function splitBlock(text: string, block: Block, maxTokens: number): Piece[] {
  const byLine = block.kind !== 'paragraph';
  const pieces: Piece[] = [];
  let open: { start: number; end: number; tokens: number } | undefined;
  for (const word of wordsOf(text, block)) {
    if (open && open.tokens + word.tokens > maxTokens) {
      pieces.push(open);
      open = undefined;
    }
    if (open) {
      open.end = word.end;
      open.tokens += word.tokens;
    } else {
      open = { start: word.start, end: word.end, tokens: word.tokens };
    }
    const ends = byLine
      ? text.slice(word.end, word.next).includes('\n')
      : sentenceEnd.test(text.slice(Math.max(word.start, word.end - 4), word.end));
    if (ends && open.tokens >= minSentenceTokens) {
      pieces.push(open);
      open = undefined;
    }
  }
  if (open) pieces.push(open);
  return pieces;
}

interface Word {
  readonly start: number;
  readonly end: number;
  readonly next: number;
  readonly tokens: number;
}

function* wordsOf(text: string, block: Block): Generator<Word> {
  let at = block.start;
  while (at < block.end && /\s/.test(text[at]!)) at += 1;
  while (at < block.end) {
    wordPattern.lastIndex = at;
    const found = wordPattern.exec(text)?.[0] ?? text[at]!;
    const next = Math.min(at + found.length, block.end);
    const word = text.slice(at, next).trimEnd();
    yield { start: at, end: at + word.length, next, tokens: tokensOf(word, next - at) };
    at = next;
  }
}

function tokensOf(word: string, lengthWithGap: number): number {
  const ideographs = word.match(ideograph)?.length ?? 0;
  return Math.max(1.3 * Math.max(1, lengthWithGap / charactersPerWord), ideographs);
}
