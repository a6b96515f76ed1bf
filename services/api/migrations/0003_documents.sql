-- Documents, their versions, the uploaded bytes and the canonical text. What search filters and ranks by is in schema `search`.
-- New tables only: no lock on anything that exists, and the release before this one runs beside it unharmed.

create table app.documents (
  workspace_id    uuid        not null,
  -- UUIDv7: lists page on it, newest first, through the primary key.
  id              uuid        not null,
  -- The caller's own name for the source. Uploading under the same key makes a version, not a second document.
  source_key      text,
  title           text        not null,
  -- As it was given, for display. Search filters on typed rows of its own: jsonb operators are not leakproof, so under
  -- row-level security no index would be used for them.
  metadata        jsonb       not null default '{}',
  -- What search serves; null until a first version is ready. Only ever set together with the chunks it stands for.
  current_version integer,
  newest_version  integer     not null default 1,
  -- Grows with each change a person makes; half of the ETag.
  revision        integer     not null default 1,
  created_by      uuid        not null,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  -- Invisible to every reader from this moment. The row goes when the worker has purged what hangs on it.
  deleted_at      timestamptz,
  -- When the reaper may queue the purge again, should the first job have been lost.
  purge_due_at    timestamptz,
  constraint documents_pkey primary key (workspace_id, id),
  constraint documents_title_check check (char_length(title) between 1 and 300),
  constraint documents_source_key_check check (char_length(source_key) between 1 and 300),
  constraint documents_metadata_check check (jsonb_typeof(metadata) = 'object'),
  constraint documents_versions_check check (newest_version >= 1 and current_version between 1 and newest_version),
  constraint documents_deletion_check check ((deleted_at is null) = (purge_due_at is null))
);

-- Also the look-up by key. Deleted documents do not hold their key.
create unique index documents_source_key_key on app.documents (workspace_id, source_key) where deleted_at is null;
-- Tiny: holds only what waits for its purge.
create index documents_purge_idx on app.documents (purge_due_at) where deleted_at is not null;

create table app.document_versions (
  workspace_id  uuid        not null,
  document_id   uuid        not null,
  version       integer     not null,
  sha256        bytea       not null,
  content_type  text        not null,
  bytes         integer     not null,
  status        text        not null default 'received',
  characters    integer     not null default 0,
  chunks        integer     not null default 0,
  embedded      integer     not null default 0,
  error_code    text,
  error_detail  text,
  -- Claims so far. Counted here and not in Redis, so that a document that kills its worker stops being tried.
  attempt       integer     not null default 0,
  -- Who works on it. Every write of a stage names its holder, so a worker that lost its lease can write nothing.
  lease_holder  uuid,
  -- Past this moment anybody may claim it. Stays set after cancel, supersession or failure until the rows that the
  -- unfinished version left in the index are gone.
  lease_until   timestamptz,
  -- Grows with each change of status or counts; the other half of the ETag.
  progress      integer     not null default 0,
  received_at   timestamptz not null default now(),
  extracting_at timestamptz,
  chunking_at   timestamptz,
  embedding_at  timestamptz,
  finished_at   timestamptz,
  constraint document_versions_pkey primary key (workspace_id, document_id, version),
  constraint document_versions_document_fkey foreign key (workspace_id, document_id)
    references app.documents (workspace_id, id) on delete cascade,
  constraint document_versions_version_check check (version >= 1),
  constraint document_versions_sha256_check check (octet_length(sha256) = 32),
  constraint document_versions_bytes_check check (bytes > 0),
  constraint document_versions_counts_check
    check (characters >= 0 and chunks >= 0 and embedded between 0 and chunks),
  constraint document_versions_status_check check (status in
    ('received', 'extracting', 'chunking', 'embedding', 'ready', 'failed', 'cancelled', 'superseded')),
  constraint document_versions_error_check check ((status = 'failed') = (error_code is not null)),
  constraint document_versions_finished_check
    check ((finished_at is null) = (status in ('received', 'extracting', 'chunking', 'embedding')))
);

-- What the reaper scans: unfinished versions and abandoned leases. Finished ones, nearly all, are not in it.
create index document_versions_recovery_idx on app.document_versions (coalesce(lease_until, received_at))
  where finished_at is null or lease_until is not null;

-- The bytes as they came, apart from the version row so that status queries never touch them.
create table app.document_originals (
  workspace_id uuid    not null,
  document_id  uuid    not null,
  version      integer not null,
  content      bytea   not null,
  constraint document_originals_pkey primary key (workspace_id, document_id, version),
  constraint document_originals_version_fkey foreign key (workspace_id, document_id, version)
    references app.document_versions (workspace_id, document_id, version) on delete cascade
);

-- The canonical text, into which every offset of every chunk points.
create table app.document_texts (
  workspace_id uuid    not null,
  document_id  uuid    not null,
  version      integer not null,
  content      text    not null,
  -- The structure that extraction found, which chunking cuts along.
  blocks       jsonb   not null default '[]',
  constraint document_texts_pkey primary key (workspace_id, document_id, version),
  constraint document_texts_version_fkey foreign key (workspace_id, document_id, version)
    references app.document_versions (workspace_id, document_id, version) on delete cascade
);

alter table app.documents enable row level security;
alter table app.documents force row level security;
create policy tenant on app.documents
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));
-- The worker removes what a person deleted, and nothing else.
create policy only_deleted on app.documents as restrictive for delete to capstone_worker
  using (deleted_at is not null);

alter table app.document_versions enable row level security;
alter table app.document_versions force row level security;
create policy tenant on app.document_versions
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

alter table app.document_originals enable row level security;
alter table app.document_originals force row level security;
create policy tenant on app.document_originals
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

alter table app.document_texts enable row level security;
alter table app.document_texts force row level security;
create policy tenant on app.document_texts
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

grant select, insert, update on app.documents to capstone_api;
grant select, insert, update on app.document_versions to capstone_api;
grant select, insert on app.document_originals to capstone_api;
grant select on app.document_texts to capstone_api;

grant select, delete on app.documents to capstone_worker;
grant update (current_version, updated_at, purge_due_at) on app.documents to capstone_worker;
grant select on app.document_versions to capstone_worker;
grant update (
  status, characters, chunks, embedded, error_code, error_detail, attempt, lease_holder, lease_until, progress,
  extracting_at, chunking_at, embedding_at, finished_at
) on app.document_versions to capstone_worker;
grant select, delete on app.document_originals to capstone_worker;
grant select, insert, update, delete on app.document_texts to capstone_worker;

-- The reaper has to find abandoned work of every workspace, and no service role may see across workspaces. So one
-- function may, and it gives away ids only: it belongs to a role that nobody can log in as, which can read a few
-- columns of these two tables and nothing else. What to do with an id is decided by a statement under the workspace's
-- own policy, like everything else.
grant usage on schema app to capstone_recovery;
grant select (workspace_id, document_id, version, finished_at, lease_until, received_at)
  on app.document_versions to capstone_recovery;
grant select (workspace_id, id, deleted_at, purge_due_at) on app.documents to capstone_recovery;
create policy recovery on app.document_versions for select to capstone_recovery using (true);
create policy recovery on app.documents for select to capstone_recovery using (true);

-- Versions whose lease ran out, and those received longer than `unclaimed_after` ago that nobody ever claimed; with null
-- only the former.
create function app.list_abandoned_versions(unclaimed_after interval, max_rows integer)
  returns table (workspace_id uuid, document_id uuid, version integer)
  language sql stable security definer set search_path = '' as $$
    select v.workspace_id, v.document_id, v.version
    from app.document_versions v
    where (v.finished_at is null or v.lease_until is not null)
      and coalesce(v.lease_until, v.received_at) < now()
      and (v.lease_until is not null or v.received_at < now() - unclaimed_after)
    order by coalesce(v.lease_until, v.received_at)
    limit max_rows
  $$;

-- Deleted documents whose purge should have been done by now.
create function app.list_unpurged_documents(max_rows integer)
  returns table (workspace_id uuid, document_id uuid)
  language sql stable security definer set search_path = '' as $$
    select d.workspace_id, d.id
    from app.documents d
    where d.deleted_at is not null and d.purge_due_at < now()
    order by d.purge_due_at
    limit max_rows
  $$;

revoke all on function app.list_abandoned_versions(interval, integer) from public;
revoke all on function app.list_unpurged_documents(integer) from public;
grant execute on function app.list_abandoned_versions(interval, integer) to capstone_worker;
grant execute on function app.list_unpurged_documents(integer) to capstone_worker;

-- Owning a function in a schema takes CREATE there, for the moment of the hand-over only.
grant create on schema app to capstone_recovery;
alter function app.list_abandoned_versions(interval, integer) owner to capstone_recovery;
alter function app.list_unpurged_documents(integer) owner to capstone_recovery;
revoke create on schema app from capstone_recovery;
