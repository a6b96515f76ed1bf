import { SearchMode } from '@capstone/contracts/search';
import type { AskFigures, Evaluation, RankingFigures } from './evaluate.js';
import type { Estimate } from './statistics.js';

/** The figures of an evaluation as a page for people. */
export function reportPage(evaluation: Evaluation): string {
  const { dataSet, ingestion, bm25, modes, ask } = evaluation;
  const rows = SearchMode.options.map((mode) => {
    const { againstBm25, againstKeyword, latencyMs, ...ranking } = modes[mode];
    const differences = [againstBm25, againstKeyword].map(signed);
    const times = `${latencyMs.p50.toFixed(1)} / ${latencyMs.p95.toFixed(1)}`;
    return `| ${[mode, ...rankingCells(ranking), ...differences, times].join(' | ')} |`;
  });
  return `# Retrieval on ${dataSet.name}

${dataSet.documents} documents, ${dataSet.queries} queries, through the public API into a fresh workspace. Searchable after
${ingestion.seconds.toFixed(1)} s, ${ingestion.documentsPerSecond.toFixed(0)} documents a second.

| mode | nDCG@10 | recall@10 | recall@100 | MRR@10 | no hit | nDCG@10 against BM25 | against keyword | p50 / p95 in ms |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
| BM25 in process | ${rankingCells(bm25).join(' | ')} | | | |

In brackets what holds 95 % of 10,000 resamples of the queries. BM25 is an independent one (k1 0.9, b 0.4, Porter stems) in
the process of the evaluation; a difference whose interval holds 0 is none. A document stands where its best chunk stands.
recall@100 looks at the documents of 100 chunks. Times are the client's, one search at a time.
${ask ? askSection(ask) : ''}`;
}

function askSection(ask: AskFigures): string {
  const lists = [
    ['Answered although nothing answers them', ask.wronglyAnswered],
    ['Refused although a document answers them', ask.wronglyRefused],
  ] as const;
  return `
## Questions

Answered by ${ask.model}, ${ask.latencyMs.p50.toFixed(1)} / ${ask.latencyMs.p95.toFixed(1)} ms.

| what | how many |
| --- | --- |
| unanswerable, refused | ${ask.refused} of ${ask.unanswerable} |
| answerable, answered | ${ask.answered} of ${ask.answerable} |
| of these, citing the right document | ${ask.citingRight} of ${ask.answered} |
| citations that are true | ${ask.trueCitations} of ${ask.citations} |
${lists
  .filter(([, questions]) => questions.length > 0)
  .map(
    ([title, questions]) => `\n${title}:\n\n${questions.map((text) => `- ${text}`).join('\n')}\n`,
  )
  .join('')}`;
}

function rankingCells({ ndcg10, recall10, recall100, mrr10, zeroResultRate }: RankingFigures) {
  return [ndcg10, recall10, recall100, mrr10].map(interval).concat(zeroResultRate.toFixed(3));
}

function interval({ mean, low, high }: Estimate): string {
  return `${mean.toFixed(3)} (${low.toFixed(3)}-${high.toFixed(3)})`;
}

function signed({ mean, low, high }: Estimate): string {
  return `${sign(mean)} (${sign(low)} to ${sign(high)})`;
}

function sign(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(3)}`;
}
