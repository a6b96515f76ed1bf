-- What changes in a workspace: its name, its members and their roles, its end; and the invitations into it.
-- New columns with a default: locks workspaces and memberships for a moment; an older release runs beside it.

alter table auth.workspaces add column version integer not null default 1;
-- Set when its deletion was asked for: nobody can sign into it any more, and after this time everything in it goes.
alter table auth.workspaces add column deletion_due_at timestamptz;
alter table auth.workspaces add constraint workspaces_version_check check (version > 0);
alter table auth.workspaces add constraint workspaces_personal_stays_check
  check (personal_of is null or deletion_due_at is null);

create index workspaces_deletion_due_at_idx on auth.workspaces (deletion_due_at)
  where deletion_due_at is not null;

grant update (name, version, deletion_due_at) on auth.workspaces to capstone_auth;
grant update (role, epoch) on auth.memberships to capstone_auth;
grant delete on auth.memberships to capstone_auth;


create table auth.invitations (
  workspace_id uuid not null,
  id uuid not null,
  -- Lower case, as users have it. Only who has this address may accept.
  email text not null,
  role text not null,
  -- HMAC-SHA-256(AUTH_TOKEN_PEPPER, token). The token itself goes into the mail and nowhere else.
  token_hash bytea not null,
  invited_by uuid not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint invitations_pkey primary key (workspace_id, id),
  constraint invitations_token_hash_key unique (token_hash),
  -- One pending invitation for an address: a new one takes the place of the old one and its token.
  constraint invitations_email_key unique (workspace_id, email),
  constraint invitations_workspace_fkey foreign key (workspace_id)
    references auth.workspaces (id) on delete cascade,
  constraint invitations_invited_by_fkey foreign key (invited_by) references auth.users (id),
  constraint invitations_email_canonical_check check (email = lower(email)),
  constraint invitations_email_length_check check (length(email) between 3 and 254),
  constraint invitations_role_check check (role in ('owner', 'admin', 'member', 'viewer')),
  constraint invitations_token_hash_length_check check (length(token_hash) = 32)
);

create index invitations_invited_by_idx on auth.invitations (invited_by);

alter table auth.invitations enable row level security;
alter table auth.invitations force row level security;
create policy invitations_scope on auth.invitations
  using (workspace_id = (select auth.current_workspace_id()))
  with check (workspace_id = (select auth.current_workspace_id()));

grant select, insert, delete on auth.invitations to capstone_auth;

-- A token is all that is known of an invitation when it is accepted, so this look goes across workspaces: a function of
-- the owner, who sees rows by this policy, and the hash finds one row or none.
create policy invitations_by_token on auth.invitations for select to capstone_migrator using (true);

create function auth.find_invitation(hash bytea)
  returns table (workspace_id uuid, id uuid, email text, role text)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  select i.workspace_id, i.id, i.email, i.role
    from auth.invitations as i
   where i.token_hash = hash
     and i.expires_at > now();
end;

revoke all on function auth.find_invitation(bytea) from public;
grant execute on function auth.find_invitation(bytea) to capstone_auth;
