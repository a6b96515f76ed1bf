/** BM25 as in the books, over documents that are lists of words; shares no code and no table with the product. */
export function rankByBm25(
  documents: ReadonlyMap<string, readonly string[]>,
  query: readonly string[],
  { k1 = 1.2, b = 0.75 } = {},
): { id: string; score: number }[] {
  const all = [...documents.values()];
  const meanLength = all.reduce((sum, words) => sum + words.length, 0) / all.length;
  const scored = [...documents].map(([id, words]) => {
    let score = 0;
    for (const term of new Set(query)) {
      const frequency = words.filter((word) => word === term).length;
      const containing = all.filter((other) => other.includes(term)).length;
      const idf = Math.log(1 + (all.length - containing + 0.5) / (containing + 0.5));
      const norm = k1 * (1 - b + (b * words.length) / meanLength);
      score += (idf * frequency * (k1 + 1)) / (frequency + norm);
    }
    return { id, score };
  });
  return scored.filter(({ score }) => score > 0).toSorted((x, y) => y.score - x.score);
}
