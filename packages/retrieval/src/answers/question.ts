import type { Queryable } from '@capstone/platform/database';
import { termWeights } from '../query-statistics.js';
import { contentWords, searchableText, stem } from '../searchable-text.js';
import type { Question } from './generator.js';

// What a question is put with, not what it is about. Stop words are gone already.
const framing = new Set(
  `many much long far often soon quickly fast big large tell show explain describe define give list name mean means please
  could would may might must shall need want wants know find get gets let say says us kind kinds type types sort way ways
  happen happens happened exactly actually currently possible allowed able using use used`.split(
    /\s+/,
  ),
);

/** Reads a question as its workspace would: words that are rare there weigh more, unknown ones most. */
export async function readQuestion(
  db: Queryable,
  workspaceId: string,
  text: string,
): Promise<Question> {
  const words = informativeWords(text);
  return weighQuestion(text, await termWeights(db, workspaceId, words));
}

/** The words that say what a question is about, each once, lower case, not stemmed. */
export function informativeWords(text: string): string[] {
  const words = contentWords(searchableText(text));
  const informative = words.filter((word) => !framing.has(word));
  return [...new Set(informative.length > 0 ? informative : words)];
}

/** `weights`: by word, as `informativeWords` gives them. */
export function weighQuestion(text: string, weights: ReadonlyMap<string, number>): Question {
  const byStem = new Map<string, number>();
  for (const [word, weight] of weights) {
    byStem.set(stem(word), Math.max(byStem.get(stem(word)) ?? 0, weight));
  }
  const sum = [...byStem.values()].reduce((total, weight) => total + weight, 0);
  const terms = new Map([...byStem].map(([term, weight]) => [term, weight / sum] as const));
  return { text, terms, names: new Set(namesIn(text).filter((name) => terms.has(name))) };
}

/** Numbers, and words with a capital that do not begin the question. None where everything has capitals. */
function namesIn(text: string): string[] {
  const words = text.normalize('NFKC').match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
  const capitals = words.slice(1).filter((word) => /^\p{Lu}/u.test(word));
  const mostHaveCapitals = capitals.length * 2 > words.length;
  const numbers = words.filter((word) => /\p{N}/u.test(word));
  return [...numbers, ...(mostHaveCapitals ? [] : capitals)].map((word) =>
    stem(word.toLowerCase()),
  );
}
