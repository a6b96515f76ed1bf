import type { Queryable } from '@capstone/platform/database';

interface QueryStatistics {
  readonly modelId: number | null;
  readonly weights: ReadonlyMap<string, number>;
}

/**
 * How rare each word is in the workspace, as BM25 sees it; a word that is in no document is the rarest. Also the id of
 * the model with that fingerprint, null where it has never made a vector.
 */
export async function queryStatistics(
  db: Queryable,
  workspaceId: string,
  { words, fingerprint }: { words: readonly string[]; fingerprint: string | null },
): Promise<QueryStatistics> {
  const [row] = await db.query<{ modelId: number | null; chunks: number; frequencies: number[] }>(
    'search_query_statistics',
    // The word's own lexemes, so that a hyphenated or numbered one finds its statistics, too.
    `select
       (select id from search.embedding_models where fingerprint = $3) as "modelId",
       coalesce((select chunks from search.workspace_stats where workspace_id = $1), 0)::integer as chunks,
       array(
         select coalesce(max(t.chunk_frequency), 0)::integer
         from unnest($2::text[]) with ordinality as q(word, place)
         left join lateral unnest(tsvector_to_array(to_tsvector('pg_catalog.english', q.word))) as l(lexeme) on true
         left join search.term_stats t on t.workspace_id = $1 and t.lexeme = l.lexeme
         group by q.place
         order by q.place
       ) as frequencies`,
    [workspaceId, words, fingerprint],
  );
  const { modelId = null, chunks = 0, frequencies = [] } = row ?? {};
  const weights = words.map((word, index) => {
    const frequency = frequencies[index] ?? 0;
    return [word, Math.log(1 + (chunks - frequency + 0.5) / (frequency + 0.5))] as const;
  });
  return { modelId, weights: new Map(weights) };
}

/** The weights alone. */
export async function termWeights(
  db: Queryable,
  workspaceId: string,
  words: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  return (await queryStatistics(db, workspaceId, { words, fingerprint: null })).weights;
}
