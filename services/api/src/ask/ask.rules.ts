import { createHash } from 'node:crypto';
import type { Ask, AskSource, AskUsage } from '@capstone/contracts/ask';
import type { Source } from '@capstone/retrieval/answers/generator';

export const noUsage: AskUsage = { inputTokens: 0, outputTokens: 0, cachedTokens: 0 };

/** Equal for requests that mean the same: the order of filters is none. */
export function fingerprintOf({ question, filters = {}, limit }: Ask): Buffer {
  const documentIds = filters.documentIds?.toSorted();
  const metadata = Object.entries(filters.metadata ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([question, documentIds ?? null, metadata, limit]))
    .digest();
}

export function toAskSource(source: Source, index: number): AskSource {
  const { documentId, chunkId, title, headingPath, charStart, charEnd } = source;
  return { number: index + 1, documentId, chunkId, title, headingPath, charStart, charEnd };
}

// For what a provider did not count. English has about four characters a token; other scripts fewer.
const charactersPerToken = 4;

export function estimateUsage(
  question: string,
  sources: readonly Source[],
  answered: number,
): AskUsage {
  const shown = sources.reduce((sum, { content }) => sum + content.length, question.length);
  return {
    inputTokens: Math.ceil(shown / charactersPerToken),
    outputTokens: Math.ceil(answered / charactersPerToken),
    cachedTokens: 0,
  };
}
