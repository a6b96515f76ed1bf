-- The schema `search`: what the worker makes of documents, and the api searches. First the chunks and their vectors.
-- New tables only: nothing that exists is locked, and the release before this one runs beside it unharmed.

create schema if not exists search;

grant usage on schema search to capstone_api, capstone_worker;


-- The embedding models that have ever made a vector here. Shared by all workspaces: it says nothing about any of them.
create table search.embedding_models (
  id          integer     generated always as identity,
  name        text        not null,
  kind        text        not null,
  dimensions  integer     not null,
  -- Of everything that decides a vector. Two fingerprints are two models, whatever their names.
  fingerprint text        not null,
  created_at  timestamptz not null default now(),
  constraint embedding_models_pkey primary key (id),
  constraint embedding_models_fingerprint_key unique (fingerprint),
  constraint embedding_models_kind_check check (kind in ('lexical', 'neural')),
  constraint embedding_models_dimensions_check check (dimensions > 0)
);


-- What `filters.metadata` of a search compares with: a row per entry of a document's metadata, in the column of its type.
-- It belongs to the document and not to a version, so the api writes it in the transaction that changes the metadata.
create table search.document_attributes (
  workspace_id  uuid             not null,
  document_id   uuid             not null,
  key           text             not null,
  text_value    text,
  number_value  double precision,
  boolean_value boolean,
  constraint document_attributes_pkey primary key (workspace_id, document_id, key),
  constraint document_attributes_document_fkey foreign key (workspace_id, document_id)
    references app.documents (workspace_id, id) on delete cascade,
  constraint document_attributes_value_check check (num_nonnulls(text_value, number_value, boolean_value) = 1)
);

create index document_attributes_text_idx on search.document_attributes (workspace_id, key, text_value)
  where text_value is not null;
create index document_attributes_number_idx on search.document_attributes (workspace_id, key, number_value)
  where number_value is not null;
create index document_attributes_boolean_idx on search.document_attributes (workspace_id, key, boolean_value)
  where boolean_value is not null;


-- One indexing of one version of a document. The swap to a new version is a change of `state`, in one transaction with
-- the statistics, so a reader sees the old revision or the new one and never a part of each.
create table search.revisions (
  workspace_id uuid        not null,
  id           bigint      generated always as identity,
  document_id  uuid        not null,
  version      integer     not null,
  state        text        not null default 'staged',
  created_at   timestamptz not null default now(),
  constraint revisions_pkey primary key (workspace_id, id),
  -- Restricting, not cascading: a document may only go after its purge, which is what keeps the statistics right.
  constraint revisions_document_fkey foreign key (workspace_id, document_id)
    references app.documents (workspace_id, id),
  constraint revisions_version_check check (version >= 1),
  constraint revisions_state_check check (state in ('staged', 'published'))
);

comment on column search.revisions.id is 'Internal, never shown: a sequence over all workspaces would tell a caller how busy the others are.';

-- At most one of each state for a document; also the look-ups by document, and the foreign key's.
create unique index revisions_staged_key on search.revisions (workspace_id, document_id) where state = 'staged';
create unique index revisions_published_key on search.revisions (workspace_id, document_id) where state = 'published';
create index revisions_document_idx on search.revisions (workspace_id, document_id);


-- Invariant: `content` is the canonical text of the version from char_start to char_end, in UTF-16 units.
create table search.chunks (
  workspace_id uuid    not null,
  revision_id  bigint  not null,
  ordinal      integer not null,
  char_start   integer not null,
  char_end     integer not null,
  content      text    not null,
  heading_path text[]  not null,
  -- Title and headings: indexed and embedded with the content, outside its offsets.
  context      text    not null,
  -- Over context and content. Chunks of one workspace with equal hashes share the work of embedding.
  sha256       bytea   not null,
  tokens       integer not null,
  -- Lexemes in context and content, for BM25.
  length       integer not null,
  constraint chunks_pkey primary key (workspace_id, revision_id, ordinal),
  constraint chunks_revision_fkey foreign key (workspace_id, revision_id)
    references search.revisions (workspace_id, id) on delete cascade,
  constraint chunks_ordinal_check check (ordinal >= 0),
  constraint chunks_range_check check (0 <= char_start and char_start < char_end),
  constraint chunks_sha256_check check (octet_length(sha256) = 32)
);

create index chunks_sha256_idx on search.chunks (workspace_id, sha256);


-- Vectors by model, so two models never mix. Search is exact: it reads the vectors of one workspace through the primary
-- key, which beats a shared HNSW index in speed and in recall up to some 50,000 chunks in a workspace. An approximate
-- index for larger ones would be a partial one per model on this table.
create table search.chunk_embeddings (
  workspace_id uuid            not null,
  revision_id  bigint          not null,
  ordinal      integer         not null,
  model_id     integer         not null,
  -- Half precision: 3 KB instead of 6, and the order of results does not change.
  embedding    halfvec(1536) not null,
  constraint chunk_embeddings_pkey primary key (workspace_id, revision_id, ordinal, model_id),
  constraint chunk_embeddings_chunk_fkey foreign key (workspace_id, revision_id, ordinal)
    references search.chunks (workspace_id, revision_id, ordinal) on delete cascade,
  constraint chunk_embeddings_model_fkey foreign key (model_id) references search.embedding_models (id)
);

-- Out of line (over 2 KB is, by default) each vector would cost a second look-up, and vectors do not compress.
alter table search.chunk_embeddings alter column embedding set storage plain;


alter table search.document_attributes enable row level security;
alter table search.document_attributes force row level security;
create policy tenant on search.document_attributes
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

alter table search.revisions enable row level security;
alter table search.revisions force row level security;
create policy tenant on search.revisions
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

alter table search.chunks enable row level security;
alter table search.chunks force row level security;
create policy tenant on search.chunks
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

alter table search.chunk_embeddings enable row level security;
alter table search.chunk_embeddings force row level security;
create policy tenant on search.chunk_embeddings
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

grant select on search.embedding_models, search.revisions, search.chunks, search.chunk_embeddings to capstone_api;

grant select, insert, delete on search.document_attributes to capstone_api;

grant select, delete on search.document_attributes to capstone_worker;
grant select, insert on search.embedding_models to capstone_worker;
grant select, insert, delete on search.revisions to capstone_worker;
grant update (state) on search.revisions to capstone_worker;
grant select, insert, delete on search.chunks, search.chunk_embeddings to capstone_worker;
