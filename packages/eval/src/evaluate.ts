import type { AskAnswer } from '@capstone/contracts/ask';
import type { DocumentContent } from '@capstone/contracts/documents';
import { SearchMode, type SearchResult } from '@capstone/contracts/search';
import type { ApiClient } from './api-client.js';
import { Bm25 } from './bm25.js';
import type { DataSet } from './data-set.js';
import { ingest, type Ingested } from './ingest.js';
import { ndcg, recall, reciprocalRank } from './measures.js';
import { estimate, estimateDifference, percentile, type Estimate } from './statistics.js';

/** As deep as a search goes. */
const depth = 100;

export interface RankingFigures {
  readonly ndcg10: Estimate;
  readonly recall10: Estimate;
  readonly recall100: Estimate;
  readonly mrr10: Estimate;
  /** The share of queries that found nothing at all. */
  readonly zeroResultRate: number;
}

export interface ModeFigures extends RankingFigures {
  /** nDCG@10 less that of the yardstick, query by query. */
  readonly againstBm25: Estimate;
  /** The same against the keyword mode. */
  readonly againstKeyword: Estimate;
  /** Of one search at a time, as the client sees it. */
  readonly latencyMs: { readonly p50: number; readonly p95: number };
}

export interface AskFigures {
  readonly model: string;
  readonly answerable: number;
  /** Of the answerable ones. */
  readonly answered: number;
  /** Of the answered ones, those that cite the document they should. */
  readonly citingRight: number;
  readonly unanswerable: number;
  readonly refused: number;
  /** The unanswerable questions that got an answer. */
  readonly wronglyAnswered: readonly string[];
  readonly wronglyRefused: readonly string[];
  readonly citations: number;
  /** Whose quote is the canonical text between its offsets. */
  readonly trueCitations: number;
  readonly latencyMs: { readonly p50: number; readonly p95: number };
}

export interface Evaluation {
  readonly dataSet: { readonly name: string; readonly documents: number; readonly queries: number };
  readonly ingestion: { readonly seconds: number; readonly documentsPerSecond: number };
  readonly bm25: RankingFigures;
  readonly modes: Readonly<Record<SearchMode, ModeFigures>>;
  readonly ask: AskFigures | null;
}

/** Puts a collection into the client's workspace and measures what the system makes of it, in every mode. */
export async function evaluate(
  client: ApiClient,
  dataSet: DataSet,
  onStep: (step: string) => void = () => undefined,
): Promise<Evaluation> {
  onStep(`Uploading ${dataSet.documents.length} documents`);
  const ingested = await ingest(client, dataSet);
  const bm25 = rankByBm25(dataSet);
  const runs = {} as Record<SearchMode, ModeRun>;
  for (const mode of SearchMode.options) {
    onStep(`Searching ${dataSet.queries.length} times in mode ${mode}`);
    runs[mode] = await searchAll(client, dataSet, { mode, ingested });
  }
  const figures = (mode: SearchMode): ModeFigures => {
    const { rankings, times } = runs[mode];
    const difference = (from: readonly string[][]) =>
      estimateDifference(ndcgsOf(dataSet, rankings), ndcgsOf(dataSet, from));
    return {
      ...figuresOf(dataSet, rankings),
      againstBm25: difference(bm25),
      againstKeyword: difference(runs.keyword.rankings),
      latencyMs: latencyOf(times),
    };
  };
  if (dataSet.questions.length > 0) onStep(`Asking ${dataSet.questions.length} questions`);
  return {
    dataSet: {
      name: dataSet.name,
      documents: dataSet.documents.length,
      queries: dataSet.queries.length,
    },
    ingestion: {
      seconds: ingested.seconds,
      documentsPerSecond: dataSet.documents.length / ingested.seconds,
    },
    bm25: figuresOf(dataSet, bm25),
    modes: { keyword: figures('keyword'), vector: figures('vector'), hybrid: figures('hybrid') },
    ask: dataSet.questions.length > 0 ? await measureAsk(client, dataSet, ingested) : null,
  };
}

function rankByBm25({ documents, queries }: DataSet): string[][] {
  const bm25 = new Bm25(
    documents.map(({ _id, title, text }) => ({ id: _id, text: `${title}\n${text}` })),
  );
  return queries.map(({ text }) => bm25.search(text, depth));
}

interface ModeRun {
  /** For each query the documents, best first. */
  readonly rankings: string[][];
  readonly times: number[];
}

async function searchAll(
  client: ApiClient,
  dataSet: DataSet,
  { mode, ingested }: { mode: SearchMode; ingested: Ingested },
): Promise<ModeRun> {
  const run: ModeRun = { rankings: [], times: [] };
  for (const { text: query } of dataSet.queries) {
    const startedAt = performance.now();
    const request = { query: query.slice(0, 1_000), mode, limit: depth };
    const { items } = await client.request<SearchResult>('POST', '/search', request);
    run.times.push(performance.now() - startedAt);
    // A document stands where its best chunk stands.
    run.rankings.push([...new Set(items.map(({ documentId }) => ingested.ids.get(documentId)!))]);
  }
  return run;
}

function figuresOf(dataSet: DataSet, rankings: readonly string[][]): RankingFigures {
  const each = (measure: typeof recall, to: number) =>
    estimate(rankings.map((ranking, index) => measure(ranking, judgedOf(dataSet, index), to)));
  return {
    ndcg10: estimate(ndcgsOf(dataSet, rankings)),
    recall10: each(recall, 10),
    recall100: each(recall, depth),
    mrr10: each(reciprocalRank, 10),
    zeroResultRate: rankings.filter(({ length }) => length === 0).length / rankings.length,
  };
}

function ndcgsOf(dataSet: DataSet, rankings: readonly string[][]): number[] {
  return rankings.map((ranking, index) => ndcg(ranking, judgedOf(dataSet, index), 10));
}

function judgedOf({ queries, judgements }: DataSet, index: number) {
  return judgements.get(queries[index]!._id) ?? new Map<string, number>();
}

async function measureAsk(
  client: ApiClient,
  { questions }: DataSet,
  { ids }: Ingested,
): Promise<AskFigures> {
  const asked: { text: string; wanted: string | null; answer: AskAnswer; isTrue: boolean[] }[] = [];
  const times: number[] = [];
  for (const { text, document_id: wanted } of questions) {
    const startedAt = performance.now();
    const answer = await client.request<AskAnswer>('POST', '/ask', { question: text });
    times.push(performance.now() - startedAt);
    asked.push({ text, wanted, answer, isTrue: await verify(client, answer) });
  }
  const answerable = asked.filter(({ wanted }) => wanted !== null);
  const unanswerable = asked.filter(({ wanted }) => wanted === null);
  const citesRight = ({ wanted, answer }: (typeof asked)[number]) =>
    answer.citations.some(({ documentId }) => ids.get(documentId) === wanted);
  const verified = asked.flatMap(({ isTrue }) => isTrue);
  return {
    model: asked[0]!.answer.model,
    answerable: answerable.length,
    answered: answerable.filter(isAnswered).length,
    citingRight: answerable.filter(isAnswered).filter(citesRight).length,
    unanswerable: unanswerable.length,
    refused: unanswerable.filter((one) => !isAnswered(one)).length,
    wronglyAnswered: unanswerable.filter(isAnswered).map(({ text }) => text),
    wronglyRefused: answerable.filter((one) => !isAnswered(one)).map(({ text }) => text),
    citations: verified.length,
    trueCitations: verified.filter(Boolean).length,
    latencyMs: latencyOf(times),
  };
}

function isAnswered({ answer }: { answer: AskAnswer }): boolean {
  return answer.grounded;
}

/** Whether each quote stands where it says, by the text that the API itself gives out. */
function verify(client: ApiClient, { citations, answer }: AskAnswer): Promise<boolean[]> {
  return Promise.all(
    citations.map(async ({ documentId, charStart, charEnd, quote, answerStart, answerEnd }) => {
      const path = `/documents/${documentId}/content`;
      const { text } = await client.request<DocumentContent>('GET', path);
      const isInAnswer = answerStart < answerEnd && answerEnd <= answer.length;
      return text.slice(charStart, charEnd) === quote && quote !== '' && isInAnswer;
    }),
  );
}

function latencyOf(times: readonly number[]) {
  return { p50: percentile(times, 0.5), p95: percentile(times, 0.95) };
}
