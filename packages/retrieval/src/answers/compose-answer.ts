import { citeClaim, citeQuote, type AnswerSpan, type Citation } from './citations.js';
import { evidenceFor } from './evidence.js';
import type { GenerationEvent, GenerationRequest, Generator, Usage } from './generator.js';
import { MarkerReader, type MarkedPiece } from './marker-reader.js';
import { sentencesOf } from './sentences.js';

export type AnswerEvent =
  | { readonly type: 'delta'; readonly text: string }
  | { readonly type: 'citation'; readonly citation: Citation };

export interface ComposedAnswer {
  /** All deltas together. */
  readonly answer: string;
  /** False: nothing supports an answer, and the answer says so. */
  readonly grounded: boolean;
  /** In the order they were made; each one verified. */
  readonly citations: readonly Citation[];
  /** Undefined where no model was asked, or it did not say. */
  readonly usage: Usage | undefined;
  /** Claims that did not hold: of sources that were never retrieved, and of words that are not in the source. */
  readonly dropped: { readonly unknownSource: number; readonly unsupported: number };
}

export const notFoundAnswer =
  'Your documents do not say. No passage in them answers this question.';

const maxAnswerCharacters = 20_000;

/**
 * Answers from the sources or says that they do not answer. The generator is only asked when the evidence suffices, and
 * none of its text goes out before its first citation has been verified: a model that invents, or does what a document
 * told it to do, is not heard. Ends with the whole answer as the generator's return value.
 */
export async function* composeAnswer(
  generator: Generator,
  request: GenerationRequest,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent, ComposedAnswer, undefined> {
  const draft = new Draft(request);
  const evidence = evidenceFor(generator.describe(), request.question, request.sources);
  if (evidence.length > 0) {
    const reader =
      generator.describe().citations === 'markers' ? new MarkerReader() : new PlainReader();
    for await (const event of generator.stream(request, signal)) {
      if (event.type === 'text') draft.take(reader.read(event.text));
      else draft.note(event);
      yield* draft.release();
    }
    draft.take(reader.end());
    yield* draft.release();
  }
  if (draft.citations.length === 0) yield { type: 'delta', text: notFoundAnswer };
  return draft.finished();
}

class PlainReader {
  read(text: string): MarkedPiece[] {
    return [{ type: 'text', text }];
  }

  end(): MarkedPiece[] {
    return [];
  }
}

/** The answer as it grows. */
class Draft {
  readonly citations: Citation[] = [];
  private text = '';
  private released = { characters: 0, citations: 0 };
  private usage: Usage | undefined;
  private unknownSource = 0;
  private unsupported = 0;

  constructor(private readonly request: GenerationRequest) {}

  take(pieces: readonly MarkedPiece[]): void {
    for (const piece of pieces) {
      if (piece.type === 'text') this.text = (this.text + piece.text).slice(0, maxAnswerCharacters);
      else for (const number of piece.numbers) this.citeLastSentence(number);
    }
  }

  note(event: Exclude<GenerationEvent, { type: 'text' }>): void {
    if (event.type === 'usage') {
      this.usage = event.usage;
      return;
    }
    const { start, end } = event.answer;
    if (start < 0 || start >= end || end > this.text.length) {
      this.unsupported += 1;
      return;
    }
    const source = this.request.sources[event.source - 1];
    this.count(source, citeQuote(source, event, { start, end }));
  }

  /** What may be told by now: nothing before the first citation. */
  *release(): Iterable<AnswerEvent> {
    if (this.citations.length === 0) return;
    const text = this.text.slice(this.released.characters);
    if (text !== '') yield { type: 'delta', text };
    for (const citation of this.citations.slice(this.released.citations)) {
      yield { type: 'citation', citation };
    }
    this.released = { characters: this.text.length, citations: this.citations.length };
  }

  finished(): ComposedAnswer {
    const { citations, usage, unknownSource, unsupported } = this;
    const grounded = citations.length > 0;
    return {
      answer: grounded ? this.text : notFoundAnswer,
      grounded,
      citations,
      usage,
      dropped: { unknownSource, unsupported },
    };
  }

  /** A marker speaks for the sentence before it. */
  private citeLastSentence(number: number) {
    const source = this.request.sources[number - 1];
    const span = lastSentence(this.text);
    const claim = span && this.text.slice(span.start, span.end);
    this.count(source, span && citeClaim(source, claim!, span));
  }

  private count(source: unknown, citation: Citation | undefined) {
    if (citation) this.citations.push(citation);
    else if (source) this.unsupported += 1;
    else this.unknownSource += 1;
  }
}

// Enough for any sentence; what is before it is not read again for each marker.
const lookBack = 2_000;

function lastSentence(text: string): AnswerSpan | undefined {
  const from = Math.max(0, text.length - lookBack);
  const last = sentencesOf(text.slice(from)).at(-1);
  return last && { start: from + last.start, end: from + last.end };
}
