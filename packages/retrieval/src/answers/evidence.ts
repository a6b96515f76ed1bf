import type { GeneratorDescription, Question, Source } from './generator.js';
import { findPassages, type Passage } from './passages.js';

/**
 * The passages that speak of enough of the question to rest an answer on, best first; none means: refuse. Enough is the
 * generator's floor, a share of the information in the question and no score: two thirds for one that can only quote,
 * where a missing third is most likely the very thing that was asked for.
 */
export function evidenceFor(
  { evidenceFloor, provider }: GeneratorDescription,
  question: Question,
  sources: readonly Source[],
): Passage[] {
  // Who reads the sources can know a name by another word; who only compares words cannot.
  const needsNames = provider === 'extractive';
  return findPassages(question, sources).filter(
    ({ coverage, namesAll }) => coverage >= evidenceFloor && (namesAll || !needsNames),
  );
}
