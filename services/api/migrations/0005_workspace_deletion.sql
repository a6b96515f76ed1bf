-- What the worker may remove when a workspace is deleted: everything in it, and in no other.
-- New table and policies; locks tasks, documents and their neighbours for a moment. The release before runs beside it.

-- A mark that stays: this workspace is gone. The worker sets it once auth has said that the time to restore is over.
create table app.deleted_workspaces (
  workspace_id uuid not null,
  created_at timestamptz not null default now(),
  constraint deleted_workspaces_pkey primary key (workspace_id)
);

alter table app.deleted_workspaces enable row level security;
alter table app.deleted_workspaces force row level security;
create policy tenant on app.deleted_workspaces
  using (workspace_id = (select app.current_workspace_id()))
  with check (workspace_id = (select app.current_workspace_id()));

grant select, insert on app.deleted_workspaces to capstone_worker;

-- Whether the workspace of the transaction has the mark. Run once a statement.
create function app.is_workspace_deleted() returns boolean
  language sql stable
  return exists (
    select from app.deleted_workspaces where workspace_id = (select app.current_workspace_id())
  );
revoke execute on function app.is_workspace_deleted() from public;
grant execute on function app.is_workspace_deleted() to capstone_worker;

drop policy only_deleted on app.documents;
create policy only_deleted on app.documents as restrictive for delete to capstone_worker
  using (deleted_at is not null or (select app.is_workspace_deleted()));

create policy only_with_workspace on app.tasks as restrictive for delete to capstone_worker
  using ((select app.is_workspace_deleted()));
create policy only_with_workspace on app.idempotency_keys as restrictive for delete to capstone_worker
  using ((select app.is_workspace_deleted()));
create policy only_with_workspace on app.corpus_versions as restrictive for delete to capstone_worker
  using ((select app.is_workspace_deleted()));
create policy only_with_workspace on app.usage_ledger as restrictive for delete to capstone_worker
  using ((select app.is_workspace_deleted()));

grant select, delete on app.tasks to capstone_worker;
grant select (workspace_id, user_id, route, key), delete on app.idempotency_keys to capstone_worker;
grant delete on app.corpus_versions to capstone_worker;
grant select (workspace_id, id), delete on app.usage_ledger to capstone_worker;
