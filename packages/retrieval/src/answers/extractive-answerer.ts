import { evidenceFor } from './evidence.js';
import type { GenerationEvent, Generator, GeneratorDescription, Source } from './generator.js';
import type { Passage } from './passages.js';

const description: GeneratorDescription = {
  provider: 'extractive',
  model: 'extractive',
  citations: 'exact',
  evidenceFloor: 2 / 3,
};

const maxQuotes = 3;
// A sentence that says much less than the best one adds noise, not an answer.
const leastOfBest = 0.7;

/**
 * The offline answerer: the sentences that speak most of the question, quoted as they stand, a paragraph each. It cannot
 * say anything that is not in a source, understands nothing, and needs no network, key or file.
 */
export function createExtractiveAnswerer(): Generator {
  return {
    describe: () => description,
    // oxlint-disable-next-line require-await -- an async iterable whose parts are all there
    async *stream({ question, sources }, signal) {
      signal.throwIfAborted();
      yield* quote(best(evidenceFor(description, question, sources), sources), sources);
    },
  };
}

function best(passages: readonly Passage[], sources: readonly Source[]): Passage[] {
  const least = (passages[0]?.score ?? 0) * leastOfBest;
  const seen = new Set<string>();
  const chosen: Passage[] = [];
  for (const passage of passages) {
    if (passage.score < least || chosen.length === maxQuotes) break;
    // Neighbouring chunks share the text between them, and documents are copied.
    const text = textOf(passage, sources);
    if (seen.has(text)) continue;
    seen.add(text);
    chosen.push(passage);
  }
  return chosen;
}

function* quote(
  passages: readonly Passage[],
  sources: readonly Source[],
): Iterable<GenerationEvent> {
  let length = 0;
  for (const passage of passages) {
    const separator = length === 0 ? '' : '\n\n';
    const text = textOf(passage, sources);
    const start = length + separator.length;
    length = start + text.length;
    yield { type: 'text', text: separator + text };
    yield {
      type: 'citation',
      source: passage.source,
      quote: text,
      at: passage.start,
      answer: { start, end: length },
    };
  }
}

function textOf({ source, start, end }: Passage, sources: readonly Source[]): string {
  return sources[source - 1]!.content.slice(start, end);
}
