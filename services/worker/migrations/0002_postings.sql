-- Keyword search: a posting table and the statistics of BM25, both by workspace.
-- Not a GIN index on a tsvector: `@@` is not leakproof, so under row-level security no index is used for it, and
-- ts_rank ranks well below BM25. Equality on uuid and text is leakproof, and that is all a posting look-up needs.
-- New tables only: nothing that exists is locked, and the release before this one runs beside it unharmed.

-- Written while a version is staged; found through its revision once that is published.
create table search.chunk_terms (
  workspace_id uuid                not null,
  -- Byte order: cheaper to compare than a locale's, and the order means nothing here.
  lexeme       text    collate "C" not null,
  revision_id  bigint              not null,
  ordinal      integer             not null,
  frequency    smallint            not null,
  -- Of the chunk, repeated here so that scoring reads this index and no table.
  chunk_length integer             not null,
  constraint chunk_terms_chunk_fkey foreign key (workspace_id, revision_id, ordinal)
    references search.chunks (workspace_id, revision_id, ordinal) on delete cascade,
  constraint chunk_terms_frequency_check check (frequency > 0)
);

create unique index chunk_terms_key on search.chunk_terms (workspace_id, lexeme, revision_id, ordinal)
  include (frequency, chunk_length);
-- For the removal and the statistics of a revision, and for the foreign key. Some hundred equal entries a chunk: it deduplicates.
create index chunk_terms_chunk_idx on search.chunk_terms (workspace_id, revision_id, ordinal);


-- In how many published chunks of the workspace a lexeme occurs. Never shared between workspaces: statistics over all of
-- them would let one tenant read another's words off its own scores.
create table search.term_stats (
  workspace_id    uuid             not null,
  lexeme          text collate "C" not null,
  -- No check: an upsert of a difference proposes a negative row before it finds the one to add it to.
  chunk_frequency bigint           not null,
  constraint term_stats_pkey primary key (workspace_id, lexeme)
) with (fillfactor = 80);

-- Also the lock by which publishing and purging in one workspace take turns.
create table search.workspace_stats (
  workspace_id uuid   not null,
  chunks       bigint not null,
  total_length bigint not null,
  constraint workspace_stats_pkey primary key (workspace_id),
  constraint workspace_stats_chunks_check check (chunks >= 0),
  constraint workspace_stats_total_length_check check (total_length >= 0)
);


alter table search.chunk_terms enable row level security;
alter table search.chunk_terms force row level security;
create policy tenant on search.chunk_terms
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

alter table search.term_stats enable row level security;
alter table search.term_stats force row level security;
create policy tenant on search.term_stats
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

alter table search.workspace_stats enable row level security;
alter table search.workspace_stats force row level security;
create policy tenant on search.workspace_stats
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

grant select on search.chunk_terms, search.term_stats, search.workspace_stats to capstone_api;

grant select, insert, delete on search.chunk_terms to capstone_worker;
grant select, insert, update, delete on search.term_stats to capstone_worker;
grant select, insert, update on search.workspace_stats to capstone_worker;
