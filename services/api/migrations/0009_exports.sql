-- Exports of a workspace: asked for here, written by the worker, kept for a week and then removed.
-- New tables: locks nothing, and the release before runs beside it.

create table app.exports (
  workspace_id uuid not null,
  id uuid not null,
  status text not null default 'queued',
  requested_by uuid not null,
  -- Whose parts count: a worker that was thought dead may still write parts of its own, which nobody reads.
  run uuid not null,
  lines integer not null default 0,
  bytes bigint not null default 0,
  created_at timestamptz(3) not null default now(),
  finished_at timestamptz(3),
  expires_at timestamptz(3) not null default now() + interval '7 days',
  constraint exports_pkey primary key (workspace_id, id),
  constraint exports_status_check check (status in ('queued', 'running', 'ready', 'failed'))
);

create index exports_expires_at_idx on app.exports (expires_at);

-- Whole lines of NDJSON, so that no part is large and a download reads one at a time.
create table app.export_parts (
  workspace_id uuid not null,
  export_id uuid not null,
  run uuid not null,
  ordinal integer not null,
  content text not null,
  constraint export_parts_pkey primary key (workspace_id, export_id, run, ordinal),
  constraint export_parts_export_fkey foreign key (workspace_id, export_id)
    references app.exports (workspace_id, id) on delete cascade
);

alter table app.exports enable row level security;
alter table app.exports force row level security;
create policy tenant on app.exports
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

alter table app.export_parts enable row level security;
alter table app.export_parts force row level security;
create policy tenant on app.export_parts
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

create policy only_with_workspace on app.exports as restrictive for delete to capstone_worker
  using ((select app.is_workspace_deleted()));

grant select, insert on app.exports, app.export_parts to capstone_api;
grant select, delete on app.exports to capstone_worker;
grant update (status, run, lines, bytes, finished_at) on app.exports to capstone_worker;
grant select, insert on app.export_parts to capstone_worker;

-- The clean-up crosses workspaces, so it is a function of the owner, who sees what has expired and nothing else.
create policy expired on app.exports to capstone_migrator
  using (expires_at < now())
  with check (false);

create function app.delete_expired_exports(batch_size integer) returns integer
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  with expired as (
    select workspace_id, id from app.exports
     where expires_at < now()
     order by expires_at
     limit batch_size
     for update skip locked
  ), deleted as (
    delete from app.exports as e
     using expired
     where (e.workspace_id, e.id) = (expired.workspace_id, expired.id)
    returning 1
  )
  select count(*)::integer from deleted;
end;

revoke execute on function app.delete_expired_exports(integer) from public;
grant execute on function app.delete_expired_exports(integer) to capstone_worker;
