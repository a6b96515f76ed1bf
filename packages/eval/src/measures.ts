/** Relevance by document; what is not in it is not relevant. */
export type Judged = ReadonlyMap<string, number>;

/** Normalised discounted cumulative gain with linear gain, as trec_eval's ndcg_cut has it. */
export function ndcg(ranking: readonly string[], judged: Judged, depth: number): number {
  const ideal = gain(
    [...judged.values()].toSorted((a, b) => b - a),
    depth,
  );
  const gains = ranking.map((id) => judged.get(id) ?? 0);
  return ideal === 0 ? 0 : gain(gains, depth) / ideal;
}

/** The share of the relevant documents among the first `depth`. */
export function recall(ranking: readonly string[], judged: Judged, depth: number): number {
  const relevant = [...judged].filter(([, score]) => score > 0).map(([id]) => id);
  const found = new Set(ranking.slice(0, depth));
  return relevant.filter((id) => found.has(id)).length / relevant.length;
}

/** One over the place of the first relevant document, 0 where there is none among the first `depth`. */
export function reciprocalRank(ranking: readonly string[], judged: Judged, depth: number): number {
  const place = ranking.slice(0, depth).findIndex((id) => (judged.get(id) ?? 0) > 0);
  return place < 0 ? 0 : 1 / (place + 1);
}

function gain(scores: readonly number[], depth: number): number {
  return scores
    .slice(0, depth)
    .reduce((sum, score, index) => sum + Math.max(0, score) / Math.log2(index + 2), 0);
}
