-- The end of a workspace whose time to be restored is over.
-- A new column without a default: locks workspaces for a moment; an older release runs beside it.

-- When the job was last sent that removes what the other services keep. It is sent again until they have said it is gone.
alter table auth.workspaces add column deletion_queued_at timestamptz;

grant update (deletion_queued_at) on auth.workspaces to capstone_auth;
grant delete on auth.workspaces to capstone_auth;

-- The one look across workspaces: ids of those whose time has come. The owner of the function sees those that are being
-- deleted, and no others.
create policy workspaces_being_deleted on auth.workspaces for select to capstone_migrator
  using (deletion_due_at is not null);

create function auth.list_due_deletions(again_after interval, page_size integer)
  returns table (workspace_id uuid)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  select w.id
    from auth.workspaces as w
   where w.deletion_due_at <= now()
     and (w.deletion_queued_at is null or w.deletion_queued_at < now() - again_after)
   order by w.deletion_due_at
   limit page_size;
end;

revoke all on function auth.list_due_deletions(interval, integer) from public;
grant execute on function auth.list_due_deletions(interval, integer) to capstone_auth;
