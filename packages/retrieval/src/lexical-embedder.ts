import type { Embedder } from './embedder.js';

/** The offline embedder: hashed words, word pairs and character grams. Lexical, not semantic. No network, no files. */
export function createLexicalEmbedder(): Embedder {
  throw new Error('not written yet');
}
