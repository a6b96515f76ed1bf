import { stemmer } from 'stemmer';

// Lucene's English list. Nothing here is the product's: neither words, nor parameters, nor code.
const stopWords = new Set(
  `a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was
  will with`.split(/\s+/),
);
const k1 = 0.9;
const b = 0.4;

interface Posting {
  readonly document: number;
  readonly frequency: number;
}

/** BM25 as in the books and as Anserini sets it, in this process: the yardstick that the system is held against. */
export class Bm25 {
  private readonly postings = new Map<string, Posting[]>();
  private readonly lengths: number[] = [];
  private readonly ids: string[] = [];

  constructor(documents: readonly { readonly id: string; readonly text: string }[]) {
    for (const { id, text } of documents) this.add(id, wordsOf(text));
  }

  /** The best `limit` documents with any word of the query, best first. */
  search(query: string, limit: number): string[] {
    const meanLength = this.lengths.reduce((sum, length) => sum + length, 0) / this.ids.length;
    const scores = new Map<number, number>();
    for (const word of new Set(wordsOf(query))) {
      const postings = this.postings.get(word) ?? [];
      const idf = Math.log(1 + (this.ids.length - postings.length + 0.5) / (postings.length + 0.5));
      for (const { document, frequency } of postings) {
        const norm = k1 * (1 - b + (b * this.lengths[document]!) / meanLength);
        const score = (idf * frequency * (k1 + 1)) / (frequency + norm);
        scores.set(document, (scores.get(document) ?? 0) + score);
      }
    }
    return [...scores]
      .toSorted(([left, x], [right, y]) => y - x || left - right)
      .slice(0, limit)
      .map(([document]) => this.ids[document]!);
  }

  private add(id: string, words: readonly string[]) {
    const document = this.ids.push(id) - 1;
    this.lengths.push(words.length);
    const frequencies = new Map<string, number>();
    for (const word of words) frequencies.set(word, (frequencies.get(word) ?? 0) + 1);
    for (const [word, frequency] of frequencies) {
      const postings = this.postings.get(word) ?? [];
      postings.push({ document, frequency });
      this.postings.set(word, postings);
    }
  }
}

function wordsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return words.filter((word) => !stopWords.has(word)).map((word) => stemmer(word));
}
