export interface EmbedderDescription {
  /** Shown to people, for example in a search answer. */
  readonly name: string;
  readonly dimensions: number;
  /** Lexical: equal words make near vectors, synonyms do not. Neural: near in meaning. */
  readonly kind: 'lexical' | 'neural';
  /** Changes whenever the same text would get another vector. Vectors of two fingerprints are never compared. */
  readonly fingerprint: string;
  /** The share of this model's ranks in a hybrid search, where the keyword ranks count 1. */
  readonly fusionWeight: number;
}

export interface EmbedOptions {
  readonly kind: 'document' | 'query';
  readonly signal?: AbortSignal;
  /** Queries of a lexical model only: how rare a word (lower case, not stemmed) is in the workspace; 1 is neutral. */
  readonly termWeights?: ReadonlyMap<string, number>;
}

/** Turns texts into vectors of `describe().dimensions` numbers, one for each text, in order. */
export interface Embedder {
  describe(): EmbedderDescription;
  embed(texts: readonly string[], options: EmbedOptions): Promise<Float32Array[]>;
}
