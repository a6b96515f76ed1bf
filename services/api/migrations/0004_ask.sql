-- Answers: each run with what it drew on and what it cites, what it cost, and which state of the documents it saw.
-- New tables, and a trigger on app.documents: SHARE ROW EXCLUSIVE there for a moment. The release before this one runs
-- beside it unharmed, and its changes count, too.

-- Grows with every change that could change an answer. An answer is given again only for the number it was made under.
create table app.corpus_versions (
  workspace_id uuid   not null,
  version      bigint not null,
  constraint corpus_versions_pkey primary key (workspace_id)
);

-- A trigger, because two services write documents and none of their statements may forget it. In the transaction of the
-- change: a version that is read before a search is never newer than what the search sees. Publishing sets
-- current_version and deleting sets deleted_at, each as one of the last statements, so the row is locked for a moment.
create function app.count_corpus_change() returns trigger
  language plpgsql set search_path = '' as $$
begin
  insert into app.corpus_versions as c (workspace_id, version)
  values (new.workspace_id, 1)
  on conflict (workspace_id) do update set version = c.version + 1;
  return null;
end
$$;

create trigger documents_count_corpus_change
  after update on app.documents
  for each row
  when ((old.current_version, old.deleted_at, old.title, old.metadata)
    is distinct from (new.current_version, new.deleted_at, new.title, new.metadata))
  execute function app.count_corpus_change();


create table app.ask_runs (
  workspace_id    uuid        not null,
  id              uuid        not null,
  user_id         uuid        not null,
  question        text        not null,
  -- SHA-256 of question, filters and limit.
  fingerprint     bytea       not null,
  corpus_version  bigint      not null,
  -- Held while the run goes on or has an answer to give again; a run that failed lets it go.
  idempotency_key text,
  provider        text        not null,
  model           text        not null,
  status          text        not null default 'running',
  answer          text,
  grounded        boolean,
  -- Given again from another run, for nothing.
  cached          boolean     not null default false,
  input_tokens    integer     not null default 0,
  output_tokens   integer     not null default 0,
  cached_tokens   integer     not null default 0,
  -- A code of the catalogue, or aborted.
  failure         text,
  started_at      timestamptz not null default now(),
  finished_at     timestamptz,
  constraint ask_runs_pkey primary key (workspace_id, id),
  constraint ask_runs_question_check check (char_length(question) between 1 and 1000),
  constraint ask_runs_fingerprint_check check (octet_length(fingerprint) = 32),
  constraint ask_runs_status_check check (status in ('running', 'answered', 'failed')),
  constraint ask_runs_answer_check
    check ((status = 'answered') = (answer is not null) and (answer is null) = (grounded is null)),
  constraint ask_runs_failure_check check ((status = 'failed') = (failure is not null)),
  constraint ask_runs_finished_check check ((status = 'running') = (finished_at is null))
);

create unique index ask_runs_idempotency_key on app.ask_runs (workspace_id, user_id, idempotency_key)
  where idempotency_key is not null;
-- The cache: the same question about the same documents.
create index ask_runs_fingerprint_idx on app.ask_runs (workspace_id, fingerprint, corpus_version)
  where status = 'answered' and not cached;
create index ask_runs_started_at_idx on app.ask_runs (started_at);


-- Every document that a run was shown, cited or not: the answer may hold words of it, so it goes when the document does.
-- No cascade from documents: the purge deletes the runs first, and a run that ends in the same moment makes it try again.
create table app.ask_sources (
  workspace_id uuid not null,
  run_id       uuid not null,
  document_id  uuid not null,
  constraint ask_sources_pkey primary key (workspace_id, run_id, document_id),
  constraint ask_sources_run_fkey foreign key (workspace_id, run_id)
    references app.ask_runs (workspace_id, id) on delete cascade,
  constraint ask_sources_document_fkey foreign key (workspace_id, document_id)
    references app.documents (workspace_id, id)
);

create index ask_sources_document_idx on app.ask_sources (workspace_id, document_id);


-- Verified when they were made: the quote was the canonical text of the chunk between the offsets.
create table app.ask_citations (
  workspace_id uuid     not null,
  run_id       uuid     not null,
  place        smallint not null,
  document_id  uuid     not null,
  chunk_id     text     not null,
  char_start   integer  not null,
  char_end     integer  not null,
  quote        text     not null,
  answer_start integer  not null,
  answer_end   integer  not null,
  constraint ask_citations_pkey primary key (workspace_id, run_id, place),
  -- Not of a document that was never retrieved.
  constraint ask_citations_source_fkey foreign key (workspace_id, run_id, document_id)
    references app.ask_sources (workspace_id, run_id, document_id) on delete cascade,
  constraint ask_citations_range_check check (0 <= char_start and char_start < char_end),
  constraint ask_citations_answer_check check (0 <= answer_start and answer_start < answer_end)
);

create index ask_citations_source_idx on app.ask_citations (workspace_id, run_id, document_id);


-- What was paid for. Outlives the runs and names no question.
create table app.usage_ledger (
  workspace_id  uuid        not null,
  id            uuid        not null,
  user_id       uuid        not null,
  run_id        uuid        not null,
  provider      text        not null,
  model         text        not null,
  operation     text        not null,
  input_tokens  integer     not null,
  output_tokens integer     not null,
  cached_tokens integer     not null,
  -- The provider did not say, because the answer broke off: counted by characters.
  estimated     boolean     not null,
  duration_ms   integer     not null,
  created_at    timestamptz not null default now(),
  constraint usage_ledger_pkey primary key (workspace_id, id),
  constraint usage_ledger_operation_check check (operation in ('answer')),
  constraint usage_ledger_tokens_check check (input_tokens >= 0 and output_tokens >= 0 and cached_tokens >= 0)
);

create index usage_ledger_created_at_idx on app.usage_ledger (workspace_id, created_at);


alter table app.corpus_versions enable row level security;
alter table app.corpus_versions force row level security;
create policy tenant on app.corpus_versions
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

alter table app.ask_runs enable row level security;
alter table app.ask_runs force row level security;
create policy tenant on app.ask_runs
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

alter table app.ask_sources enable row level security;
alter table app.ask_sources force row level security;
create policy tenant on app.ask_sources
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

alter table app.ask_citations enable row level security;
alter table app.ask_citations force row level security;
create policy tenant on app.ask_citations
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

alter table app.usage_ledger enable row level security;
alter table app.usage_ledger force row level security;
create policy tenant on app.usage_ledger
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

grant select, insert, update on app.corpus_versions to capstone_api, capstone_worker;
grant select, insert, update on app.ask_runs to capstone_api;
grant select, insert on app.ask_sources, app.ask_citations, app.usage_ledger to capstone_api;

-- For the purge of a document.
grant select (workspace_id, run_id, document_id) on app.ask_sources to capstone_worker;
grant select (workspace_id, id), delete on app.ask_runs to capstone_worker;

-- Runs live 30 days. The clean-up crosses workspaces, so it is a function of the owner, who sees what has expired alone.
create policy expired on app.ask_runs to capstone_migrator
  using (started_at < now() - interval '30 days')
  with check (false);

create function app.delete_expired_ask_runs(batch_size integer) returns integer
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  with expired as (
    select workspace_id, id
    from app.ask_runs
    where started_at < now() - interval '30 days'
    order by started_at
    limit batch_size
    for update skip locked
  ), deleted as (
    delete from app.ask_runs as r
    using expired as e
    where (r.workspace_id, r.id) = (e.workspace_id, e.id)
    returning 1
  )
  select count(*)::integer from deleted;
end;

revoke execute on function app.delete_expired_ask_runs(integer) from public;
grant execute on function app.delete_expired_ask_runs(integer) to capstone_api;
