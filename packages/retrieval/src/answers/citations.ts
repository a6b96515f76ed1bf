import type { Source } from './generator.js';
import { stemsOf } from './passages.js';
import { sentencesOf } from './sentences.js';

/** A passage of a document that carries a part of the answer. All offsets are UTF-16 units. */
export interface Citation {
  readonly documentId: string;
  readonly chunkId: string;
  /** Into the canonical text of the document; `quote` is exactly what stands there. */
  readonly charStart: number;
  readonly charEnd: number;
  readonly quote: string;
  /** Into the answer: what the quote carries. */
  readonly answerStart: number;
  readonly answerEnd: number;
}

export interface AnswerSpan {
  readonly start: number;
  readonly end: number;
}

const maxQuoteCharacters = 1_000;
// Of the words of a claim, at least so many must stand in the sentence that is to carry it.
const leastShared = 0.25;

/** The citation of a quote that a generator says it took from a source; undefined unless the source has those words. */
export function citeQuote(
  source: Source | undefined,
  claim: { readonly quote: string; readonly at: number },
  answer: AnswerSpan,
): Citation | undefined {
  const { length } = claim.quote;
  if (!source || claim.quote.trim() === '' || length > maxQuoteCharacters) return undefined;
  const { content } = source;
  const start = content.startsWith(claim.quote, claim.at) ? claim.at : content.indexOf(claim.quote);
  if (start < 0) return undefined;
  return cite(source, { start, end: start + length }, answer);
}

/** The citation of the sentence that shares most with a claim; undefined where none shares enough. */
export function citeClaim(
  source: Source | undefined,
  claim: string,
  answer: AnswerSpan,
): Citation | undefined {
  if (!source) return undefined;
  const wanted = stemsOf(claim);
  let best: { sentence: AnswerSpan; shared: number } | undefined;
  for (const sentence of sentencesOf(source.content)) {
    const stems = stemsOf(source.content.slice(sentence.start, sentence.end));
    const shared = [...wanted].filter((term) => stems.has(term)).length / wanted.size;
    if (shared >= leastShared && shared > (best?.shared ?? 0)) best = { sentence, shared };
  }
  return best && cite(source, best.sentence, answer);
}

function cite(source: Source, quoted: AnswerSpan, answer: AnswerSpan): Citation {
  return {
    documentId: source.documentId,
    chunkId: source.chunkId,
    charStart: source.charStart + quoted.start,
    charEnd: source.charStart + quoted.end,
    quote: source.content.slice(quoted.start, quoted.end),
    answerStart: answer.start,
    answerEnd: answer.end,
  };
}
