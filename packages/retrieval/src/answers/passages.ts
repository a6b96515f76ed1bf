import { contentWords, searchableText, stem } from '../searchable-text.js';
import type { Question, Source } from './generator.js';
import { sentencesOf, type Sentence } from './sentences.js';

/** A sentence of a source, judged against a question. */
export interface Passage {
  /** The source's number, from 1. */
  readonly source: number;
  /** UTF-16 offsets into the source's content. */
  readonly start: number;
  readonly end: number;
  /** The share of the question that the sentence, its neighbours, its headings and its title speak of. */
  readonly coverage: number;
  /** All names and numbers of the question are among that. */
  readonly namesAll: boolean;
  /** What sorts passages: words of its own count whole, those around it less, and a long sentence pays for its length. */
  readonly score: number;
}

const headingShare = 0.5;
const neighbourShare = 0.25;
const usualWords = 30;

/** Every sentence of the sources that could be quoted, best first. */
export function findPassages(question: Question, sources: readonly Source[]): Passage[] {
  return sources
    .flatMap((source, index) => passagesOf(question, source, index + 1))
    .toSorted((a, b) => b.score - a.score || a.source - b.source || a.start - b.start);
}

function passagesOf(question: Question, source: Source, number: number): Passage[] {
  const above = stemsOf([source.title, ...source.headingPath].join('\n'));
  const sentences = sentencesOf(source.content).map((sentence) => withStems(source, sentence));
  let heading = new Set<string>();
  return sentences.flatMap((sentence, index) => {
    if (sentence.isHeading) heading = sentence.stems;
    if (sentence.isHeading || sentence.asks) return [];
    const around = [sentences[index - 1], sentences[index + 1]].map((other) => other?.stems);
    return [judge(question, { number, sentence, headings: [above, heading], around })];
  });
}

function judge(
  question: Question,
  passage: {
    number: number;
    sentence: Sentence & { stems: Set<string>; words: number };
    headings: readonly Set<string>[];
    around: readonly (Set<string> | undefined)[];
  },
): Passage {
  const { sentence, headings, around } = passage;
  let coverage = 0;
  let points = 0;
  let namesAll = true;
  for (const [term, share] of question.terms) {
    const worth = sentence.stems.has(term)
      ? 1
      : headings.some((stems) => stems.has(term))
        ? headingShare
        : around.some((stems) => stems?.has(term))
          ? neighbourShare
          : 0;
    points += share * worth;
    if (worth > 0) coverage += share;
    else if (question.names.has(term)) namesAll = false;
  }
  const score = points / (0.75 + 0.25 * Math.max(1, sentence.words / usualWords));
  return {
    source: passage.number,
    start: sentence.start,
    end: sentence.end,
    coverage,
    namesAll,
    score,
  };
}

function withStems({ content }: Source, sentence: Sentence) {
  const text = content.slice(sentence.start, sentence.end);
  const words = contentWords(searchableText(text));
  // A question is no answer, however well it fits.
  const asks = /[?？]["'”’)\]*_]*$/.test(text);
  return { ...sentence, stems: new Set(words.map(stem)), words: words.length, asks };
}

/** The stems of the words in a text that carry meaning. */
export function stemsOf(text: string): Set<string> {
  return new Set(contentWords(searchableText(text)).map(stem));
}
