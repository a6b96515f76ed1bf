import type { SearchHit } from '../search.js';

/** A chunk that search found, as far as an answer needs it. `content` is the canonical text between the offsets. */
export type Source = Pick<
  SearchHit,
  | 'documentId'
  | 'version'
  | 'chunkId'
  | 'title'
  | 'headingPath'
  | 'content'
  | 'charStart'
  | 'charEnd'
>;

export interface Question {
  readonly text: string;
  /** How much of what the question asks each stem carries; together 1, or nothing where it has no such word. */
  readonly terms: ReadonlyMap<string, number>;
  /** Stems of names and numbers, which nobody paraphrases. */
  readonly names: ReadonlySet<string>;
}

export interface GenerationRequest {
  readonly question: Question;
  /** Best first. Everyone refers to them by their number, from 1. */
  readonly sources: readonly Source[];
}

/** In tokens, as the provider counts them; zero where nothing was paid for. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** The part of the input that the provider had in its cache. */
  readonly cachedTokens: number;
}

/** What a generator claims; composeAnswer believes none of it. Offsets of `answer` are into the text sent so far. */
export type GenerationEvent =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'citation';
      readonly source: number;
      readonly quote: string;
      /** Where in the source's content the quote begins, as far as the generator knows. */
      readonly at: number;
      readonly answer: { readonly start: number; readonly end: number };
    }
  | { readonly type: 'usage'; readonly usage: Usage };

export interface GeneratorDescription {
  readonly provider: 'extractive' | 'openai' | 'anthropic';
  readonly model: string;
  /** exact: it says which text of which source it quotes. markers: it writes `[2]` behind what source 2 says. */
  readonly citations: 'exact' | 'markers';
  /** The least share of the question that one passage must speak of, or the generator is not asked at all. */
  readonly evidenceFloor: number;
}

/** Turns sources into an answer. Ends early, with the signal's reason, when the signal aborts. */
export interface Generator {
  describe(): GeneratorDescription;
  /** Throws `model-unavailable` when the provider refuses, fails, stalls or breaks off. */
  stream(request: GenerationRequest, signal: AbortSignal): AsyncIterable<GenerationEvent>;
}
