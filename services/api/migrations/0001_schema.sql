-- The schema `app`: what the public API owns. Tenant context, the outbox, and the answers kept for Idempotency-Key.
-- Locks nothing that exists. The worker's role gets what it needs to announce things, and no more.

create schema if not exists app;

grant usage on schema app to capstone_api, capstone_worker;

-- The workspace of the open transaction. Null without a context, and null equals nothing, so a connection that forgot to
-- set one sees no row. Policies call it in a scalar sub-select, which runs it once a statement and not once a row.
create function app.current_workspace_id() returns uuid
  language sql stable parallel safe
  return nullif(current_setting('app.workspace_id', true), '')::uuid;

-- A time as the public API writes it: RFC 3339, UTC, milliseconds. Inlined by the planner.
create function app.rfc3339(at timestamptz) returns text
  language sql stable strict parallel safe
  return to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

revoke execute on all functions in schema app from public;
grant execute on function app.current_workspace_id(), app.rfc3339(timestamptz) to capstone_api, capstone_worker;


-- What must leave this database: written in the transaction of the change it tells of, deleted when it has been relayed.
-- No workspace column and no policy: the relay serves all workspaces, and nothing here is ever shown to a caller.
create table app.outbox (
  id uuid not null,
  kind text not null,
  name text not null,
  payload jsonb not null,
  traceparent text,
  created_at timestamptz not null default now(),
  constraint outbox_pkey primary key (id),
  constraint outbox_kind_check check (kind in ('job', 'event'))
);

comment on column app.outbox.id is 'UUIDv7, so the primary key is also the order of relay. It becomes the job id, which makes a second relay harmless.';
comment on column app.outbox.traceparent is 'W3C trace context of the request that wrote the row; the job goes on in the same trace.';

-- Empty nearly always and never old: vacuum early, or the relay walks over dead rows.
alter table app.outbox set (autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

grant select, insert, update, delete on app.outbox to capstone_api;
grant insert on app.outbox to capstone_worker;


-- The result of each POST that carried an Idempotency-Key, written in the transaction of its work: a crash leaves both or
-- neither. A key belongs to one caller and one route.
create table app.idempotency_keys (
  workspace_id uuid not null,
  user_id uuid not null,
  route text not null,
  key text not null,
  fingerprint bytea not null,
  result jsonb not null,
  created_at timestamptz not null default now(),
  constraint idempotency_keys_pkey primary key (workspace_id, user_id, route, key),
  constraint idempotency_keys_key_check check (char_length(key) between 1 and 255),
  constraint idempotency_keys_fingerprint_check check (octet_length(fingerprint) = 32)
);

comment on column app.idempotency_keys.fingerprint is 'SHA-256 of the validated input: the same key with another input is refused.';
comment on column app.idempotency_keys.result is 'What the use case returned. Status, headers and body of the replay are made from it as they were the first time.';

create index idempotency_keys_created_at_idx on app.idempotency_keys (created_at);

alter table app.idempotency_keys enable row level security;
alter table app.idempotency_keys force row level security;

create policy tenant on app.idempotency_keys
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

-- The clean-up crosses workspaces, so it is a function of the owner, and the owner sees what has expired and nothing else.
create policy expired on app.idempotency_keys to capstone_migrator
  using (created_at < now() - interval '24 hours')
  with check (false);

create function app.delete_expired_idempotency_keys(batch_size integer) returns integer
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  with expired as (
    select workspace_id, user_id, route, key
    from app.idempotency_keys
    where created_at < now() - interval '24 hours'
    order by created_at
    limit batch_size
    for update skip locked
  ), deleted as (
    delete from app.idempotency_keys as k
    using expired as e
    where (k.workspace_id, k.user_id, k.route, k.key) = (e.workspace_id, e.user_id, e.route, e.key)
    returning 1
  )
  select count(*)::integer from deleted;
end;

revoke execute on function app.delete_expired_idempotency_keys(integer) from public;
grant execute on function app.delete_expired_idempotency_keys(integer) to capstone_api;
grant select, insert on app.idempotency_keys to capstone_api;
