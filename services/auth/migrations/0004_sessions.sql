-- Sessions and their refresh tokens. A session is the family: reuse of any of its consumed tokens ends it.
-- Takes no lock on existing tables; an older release ignores them.

create table auth.sessions (
  id uuid not null,
  user_id uuid not null,
  -- The workspace its access tokens name.
  workspace_id uuid not null,
  -- Assurance: 1 password, 2 password and a second factor.
  aal smallint not null,
  authenticated_at timestamptz not null,
  -- The absolute end; refreshing never moves it.
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revoke_reason text,
  created_at timestamptz not null default now(),
  -- Not (workspace_id, id): a session is found through its refresh token, before any workspace is known.
  constraint sessions_pkey primary key (id),
  constraint sessions_id_user_key unique (id, user_id),
  constraint sessions_user_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint sessions_workspace_fkey foreign key (workspace_id)
    references auth.workspaces (id) on delete cascade,
  constraint sessions_aal_check check (aal in (1, 2)),
  constraint sessions_revoke_reason_check
    check (revoke_reason in ('logout', 'refresh-token-reused', 'membership-ended')),
  constraint sessions_revoked_check check ((revoked_at is null) = (revoke_reason is null))
);

create index sessions_user_idx on auth.sessions (user_id);
create index sessions_workspace_idx on auth.sessions (workspace_id);

alter table auth.sessions enable row level security;
alter table auth.sessions force row level security;
create policy sessions_scope on auth.sessions
  using (
    user_id = (select auth.current_user_id())
    or workspace_id = (select auth.current_workspace_id())
  )
  with check (
    user_id = (select auth.current_user_id())
    or workspace_id = (select auth.current_workspace_id())
  );

-- No workspace here, so no row-level security: the hash of the token is the only thing known when it is presented.
create table auth.refresh_tokens (
  id uuid not null,
  session_id uuid not null,
  user_id uuid not null,
  -- HMAC-SHA-256(AUTH_TOKEN_PEPPER, token): useless without the pepper, which is never in this database.
  token_hash bytea not null,
  -- The token this one replaced; null for the first of a session.
  parent_id uuid,
  -- The idle end. A consumed row stays until its session goes, so that reuse is recognised that long.
  expires_at timestamptz not null,
  consumed_at timestamptz,
  -- The successor, sealed with a key derived from this row's own token in clear, so that only who presents it again
  -- can open it. Honoured for 10 s after consumed_at and erased soon after.
  sealed_successor bytea,
  created_at timestamptz not null default now(),
  constraint refresh_tokens_pkey primary key (id),
  constraint refresh_tokens_token_hash_key unique (token_hash),
  constraint refresh_tokens_parent_key unique (parent_id),
  constraint refresh_tokens_session_fkey foreign key (session_id, user_id)
    references auth.sessions (id, user_id) on delete cascade,
  constraint refresh_tokens_parent_fkey foreign key (parent_id)
    references auth.refresh_tokens (id) on delete cascade,
  constraint refresh_tokens_token_hash_length_check check (length(token_hash) = 32),
  constraint refresh_tokens_sealed_check check (sealed_successor is null or consumed_at is not null)
);

-- A fork cannot exist: one live token a session, whatever the code does.
create unique index refresh_tokens_one_live_key on auth.refresh_tokens (session_id)
  where consumed_at is null;
create index refresh_tokens_session_idx on auth.refresh_tokens (session_id, user_id);
-- For the sweep that erases sealed successors.
create index refresh_tokens_sealed_idx on auth.refresh_tokens (consumed_at)
  where sealed_successor is not null;

grant select, insert, delete on auth.sessions to capstone_auth;
grant update (revoked_at, revoke_reason) on auth.sessions to capstone_auth;
grant select, insert on auth.refresh_tokens to capstone_auth;
grant update (consumed_at, sealed_successor) on auth.refresh_tokens to capstone_auth;
