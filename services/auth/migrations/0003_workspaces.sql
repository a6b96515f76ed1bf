-- Workspaces (the tenants) and who belongs to them in which role.
-- Takes no lock on existing tables; an older release ignores them.

create table auth.workspaces (
  id uuid not null,
  name text not null,
  -- The person for whom registration made this workspace; null for the others. At most one each.
  personal_of uuid,
  created_at timestamptz not null default now(),
  constraint workspaces_pkey primary key (id),
  constraint workspaces_personal_of_key unique (personal_of),
  constraint workspaces_personal_of_fkey foreign key (personal_of) references auth.users (id),
  constraint workspaces_name_length_check check (length(name) between 1 and 120)
);

create table auth.memberships (
  workspace_id uuid not null,
  user_id uuid not null,
  role text not null,
  -- The last sign-in into this workspace: the next one without a wish goes where this is newest.
  last_used_at timestamptz,
  created_at timestamptz not null default now(),
  constraint memberships_pkey primary key (workspace_id, user_id),
  constraint memberships_workspace_fkey foreign key (workspace_id)
    references auth.workspaces (id) on delete cascade,
  constraint memberships_user_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint memberships_role_check check (role in ('owner', 'admin', 'member', 'viewer'))
);

create index memberships_user_idx on auth.memberships (user_id);

-- A person sees the memberships of the workspace they are in, and their own everywhere; rows are written only inside
-- their workspace. The scalar sub-selects run once a statement.
alter table auth.memberships enable row level security;
alter table auth.memberships force row level security;
create policy memberships_scope on auth.memberships
  using (
    workspace_id = (select auth.current_workspace_id())
    or user_id = (select auth.current_user_id())
  )
  with check (workspace_id = (select auth.current_workspace_id()));

alter table auth.workspaces enable row level security;
alter table auth.workspaces force row level security;
create policy workspaces_scope on auth.workspaces
  using (
    id = (select auth.current_workspace_id())
    or id in (select workspace_id from auth.memberships where user_id = (select auth.current_user_id()))
  )
  with check (id = (select auth.current_workspace_id()));

grant select, insert on auth.workspaces to capstone_auth;
grant select, insert on auth.memberships to capstone_auth;
grant update (last_used_at) on auth.memberships to capstone_auth;
