import type { Transaction } from '@capstone/platform/database';

// Taken after the revisions and before any term, by everyone: publishers of a workspace queue here and cannot deadlock.
export async function lockStatistics(tx: Transaction, workspaceId: string): Promise<void> {
  await tx.query(
    'search_lock_statistics',
    `insert into search.workspace_stats (workspace_id, chunks, total_length)
     values ($1, 0, 0)
     on conflict (workspace_id) do update set chunks = workspace_stats.chunks`,
    [workspaceId],
  );
}

export async function applyStatistics(
  tx: Transaction,
  workspaceId: string,
  change: { added: number | null; removed: number | null },
): Promise<void> {
  const values = [workspaceId, change.added, change.removed];
  await tx.query(
    'search_apply_workspace_stats',
    `update search.workspace_stats s
     set chunks = s.chunks + d.chunks, total_length = s.total_length + d.length
     from (
       select coalesce(sum(c.sign), 0) as chunks, coalesce(sum(c.sign * c.length), 0) as length
       from (
         select 1 as sign, length from search.chunks where workspace_id = $1 and revision_id = $2::bigint
         union all
         select -1, length from search.chunks where workspace_id = $1 and revision_id = $3::bigint
       ) c
     ) d
     where s.workspace_id = $1`,
    values,
  );
  await tx.query(
    'search_apply_term_stats',
    `insert into search.term_stats (workspace_id, lexeme, chunk_frequency)
     select $1, p.lexeme, sum(p.sign)
     from (
       select lexeme, 1 as sign from search.chunk_terms where workspace_id = $1 and revision_id = $2::bigint
       union all
       select lexeme, -1 from search.chunk_terms where workspace_id = $1 and revision_id = $3::bigint
     ) p
     group by p.lexeme
     having sum(p.sign) <> 0
     on conflict (workspace_id, lexeme) do update
       set chunk_frequency = term_stats.chunk_frequency + excluded.chunk_frequency`,
    values,
  );
  if (change.removed === null) return;
  await tx.query(
    'search_delete_unused_terms',
    `delete from search.term_stats t
     using (
       select distinct lexeme from search.chunk_terms where workspace_id = $1 and revision_id = $2::bigint
     ) gone
     where t.workspace_id = $1 and t.lexeme = gone.lexeme and t.chunk_frequency <= 0`,
    [workspaceId, change.removed],
  );
}
