-- Keys for machines: bound to one workspace and to the member who made them.
-- Takes no lock on existing tables; an older release ignores it.

create table auth.api_keys (
  workspace_id uuid not null,
  id uuid not null,
  name text not null,
  -- How the key begins, for people to recognise it.
  prefix text not null,
  -- HMAC-SHA-256(AUTH_TOKEN_PEPPER, key): useless without the pepper, which is never in this database.
  key_hash bytea not null,
  scopes text[] not null,
  created_by uuid not null,
  expires_at timestamptz not null,
  -- Written at most once a minute.
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  constraint api_keys_pkey primary key (workspace_id, id),
  constraint api_keys_key_hash_key unique (key_hash),
  constraint api_keys_workspace_fkey foreign key (workspace_id)
    references auth.workspaces (id) on delete cascade,
  constraint api_keys_created_by_fkey foreign key (created_by) references auth.users (id),
  constraint api_keys_name_length_check check (length(name) between 1 and 100),
  constraint api_keys_key_hash_length_check check (length(key_hash) = 32),
  constraint api_keys_scopes_check check (cardinality(scopes) > 0),
  constraint api_keys_expires_at_check check (expires_at <= created_at + interval '366 days')
);

create index api_keys_created_by_idx on auth.api_keys (created_by);

alter table auth.api_keys enable row level security;
alter table auth.api_keys force row level security;
create policy api_keys_scope on auth.api_keys
  using (workspace_id = (select auth.current_workspace_id()))
  with check (workspace_id = (select auth.current_workspace_id()));

grant select, insert on auth.api_keys to capstone_auth;
grant update (last_used_at, revoked_at) on auth.api_keys to capstone_auth;

-- A key is all that is known when it is shown, so this look goes across workspaces: a function of the owner, who sees rows
-- by this policy, and the hash finds one row or none.
create policy api_keys_by_hash on auth.api_keys for select to capstone_migrator using (true);

create function auth.find_api_key(hash bytea)
  returns table (workspace_id uuid, id uuid, created_by uuid, scopes text[], expires_at timestamptz)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  select k.workspace_id, k.id, k.created_by, k.scopes, k.expires_at
    from auth.api_keys as k
   where k.key_hash = hash
     and k.revoked_at is null
     and k.expires_at > now();
end;

revoke all on function auth.find_api_key(bytea) from public;
grant execute on function auth.find_api_key(bytea) to capstone_auth;
