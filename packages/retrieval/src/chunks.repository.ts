import type { Transaction } from '@capstone/platform/database';
import { indexedText, type Chunk } from './chunk-text.js';
import { searchableText } from './searchable-text.js';

/** Chunks as the JSON that the statements below read, so that a batch is one parameter. */
export function chunkRows(chunks: readonly Chunk[]): string {
  return JSON.stringify(chunks.map(toRow));
}

function toRow(chunk: Chunk) {
  return {
    ordinal: chunk.ordinal,
    char_start: chunk.charStart,
    char_end: chunk.charEnd,
    content: chunk.content,
    heading_path: chunk.headingPath,
    context: chunk.context,
    sha256: chunk.sha256,
    tokens: chunk.tokens,
    searchable: searchableText(indexedText(chunk)),
  };
}

export async function deleteChangedChunks(
  tx: Transaction,
  workspaceId: string,
  revisionId: number,
  rows: string,
): Promise<void> {
  await tx.query(
    'search_delete_changed_chunks',
    `delete from search.chunks c
     using jsonb_to_recordset($3::jsonb) as b(ordinal integer, char_start integer, char_end integer, sha256 text)
     where c.workspace_id = $1 and c.revision_id = $2 and c.ordinal = b.ordinal
       and (c.sha256, c.char_start, c.char_end) <> (decode(b.sha256, 'hex'), b.char_start, b.char_end)`,
    [workspaceId, revisionId, rows],
  );
}

// Postgres makes the lexemes here and in rank-chunks.ts, from what searchableText made of both sides.
export async function insertChunks(
  tx: Transaction,
  workspaceId: string,
  revisionId: number,
  rows: string,
): Promise<void> {
  await tx.query(
    'search_insert_chunks',
    `with batch as materialized (
       select b.*, to_tsvector('pg_catalog.english', b.searchable) as terms
       from jsonb_to_recordset($3::jsonb) as b(
         ordinal integer, char_start integer, char_end integer, content text, heading_path text[], context text,
         sha256 text, tokens integer, searchable text)
     ), postings as materialized (
       select b.ordinal, t.lexeme, cardinality(t.positions) as frequency
       from batch b
       cross join lateral unnest(b.terms) as t
     ), lengths as (
       select ordinal, sum(frequency)::integer as length
       from postings
       group by ordinal
     ), inserted as (
       insert into search.chunks (
         workspace_id, revision_id, ordinal, char_start, char_end, content, heading_path, context, sha256, tokens, length)
       select $1, $2, b.ordinal, b.char_start, b.char_end, b.content, b.heading_path, b.context,
         decode(b.sha256, 'hex'), b.tokens, coalesce(l.length, 0)
       from batch b
       left join lengths l on l.ordinal = b.ordinal
       order by b.ordinal
       on conflict (workspace_id, revision_id, ordinal) do nothing
       returning ordinal, length
     )
     insert into search.chunk_terms (workspace_id, lexeme, revision_id, ordinal, frequency, chunk_length)
     select $1, p.lexeme, $2, p.ordinal, p.frequency, i.length
     from inserted i
     join postings p on p.ordinal = i.ordinal
     order by p.lexeme collate "C", p.ordinal`,
    [workspaceId, revisionId, rows],
  );
}

// Left by an earlier attempt that cut the text into more pieces.
export async function deleteChunksFrom(
  tx: Transaction,
  workspaceId: string,
  revisionId: number,
  ordinal: number,
): Promise<void> {
  await tx.query(
    'search_delete_chunks_from',
    `delete from search.chunks where workspace_id = $1 and revision_id = $2 and ordinal >= $3`,
    [workspaceId, revisionId, ordinal],
  );
}
