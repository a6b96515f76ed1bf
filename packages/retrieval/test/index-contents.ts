import type { Queryable } from '@capstone/platform/database';

/** Everything the index holds of a workspace, as its statistics should be and as they are. */
export async function indexContents(db: Queryable, workspaceId: string) {
  const [rows] = await db.query<Record<'revisions' | 'chunks' | 'terms' | 'embeddings', number>>(
    'test_count_index_rows',
    `select
       (select count(*) from search.revisions where workspace_id = $1)::integer as revisions,
       (select count(*) from search.chunks where workspace_id = $1)::integer as chunks,
       (select count(*) from search.chunk_terms where workspace_id = $1)::integer as terms,
       (select count(*) from search.chunk_embeddings where workspace_id = $1)::integer as embeddings`,
    [workspaceId],
  );
  const wrongTerms = await db.query(
    'test_wrong_term_stats',
    `with counted as (
       select t.lexeme, count(*) as chunk_frequency
       from search.chunk_terms t
       join search.revisions r on r.workspace_id = $1 and r.id = t.revision_id and r.state = 'published'
       where t.workspace_id = $1
       group by t.lexeme
     )
     select lexeme, c.chunk_frequency as counted, s.chunk_frequency as kept
     from counted c
     full join (select * from search.term_stats where workspace_id = $1) s using (lexeme)
     where c.chunk_frequency is distinct from s.chunk_frequency`,
    [workspaceId],
  );
  const wrongTotals = await db.query(
    'test_wrong_workspace_stats',
    `with counted as (
       select count(*) as chunks, coalesce(sum(c.length), 0) as total_length
       from search.chunks c
       join search.revisions r on r.workspace_id = $1 and r.id = c.revision_id and r.state = 'published'
       where c.workspace_id = $1
     )
     select c.chunks, c.total_length, s.chunks as kept_chunks, s.total_length as kept_length
     from counted c
     left join search.workspace_stats s on s.workspace_id = $1
     where (c.chunks, c.total_length) is distinct from (coalesce(s.chunks, 0), coalesce(s.total_length, 0))`,
    [workspaceId],
  );
  return { rows, wrong: [...wrongTerms, ...wrongTotals] };
}

export const emptyIndex = {
  rows: { revisions: 0, chunks: 0, terms: 0, embeddings: 0 },
  wrong: [],
};
