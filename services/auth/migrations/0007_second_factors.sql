-- Second factors: authenticator apps (TOTP), recovery codes, and the challenges between a right password and a session.
-- Locks auth.sessions for the moment in which it reads that table once; an older release can run beside it.

create table auth.totp_factors (
  id uuid not null,
  user_id uuid not null,
  -- The seed under AES-256-GCM with AUTH_KEY_ENCRYPTION_KEY. The additional data is user and factor, so that a seed
  -- copied to another person's row does not open.
  sealed_seed bytea not null,
  -- Which encryption key: the first bytes of its SHA-256.
  key_id text not null,
  -- Null until the first code was shown: until then it protects nothing and asks for nothing.
  confirmed_at timestamptz,
  -- The replay memory: the newest 30 s step a code was taken for. That step and older ones are never taken again.
  last_step bigint not null default 0,
  -- Wrong codes in a row, over all challenges.
  failures smallint not null default 0,
  locked_until timestamptz,
  created_at timestamptz not null default now(),
  constraint totp_factors_pkey primary key (id),
  constraint totp_factors_user_key unique (user_id),
  constraint totp_factors_user_fkey foreign key (user_id) references auth.users (id) on delete cascade
);

-- 120 random bits each, so a keyed hash is enough and the code is found by it.
create table auth.recovery_codes (
  user_id uuid not null,
  -- HMAC-SHA-256(AUTH_TOKEN_PEPPER, code).
  code_hash bytea not null,
  used_at timestamptz,
  created_at timestamptz not null default now(),
  constraint recovery_codes_pkey primary key (user_id, code_hash),
  constraint recovery_codes_user_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint recovery_codes_hash_length_check check (length(code_hash) = 32)
);

-- No workspace and no row-level security on these three: they are read before a session exists.
create table auth.mfa_challenges (
  -- HMAC-SHA-256(AUTH_TOKEN_PEPPER, the challenge id the client holds).
  token_hash bytea not null,
  user_id uuid not null,
  -- Where the session will be.
  target_workspace_id uuid not null,
  -- The session that the new one takes the place of, when somebody proves again who they are.
  replaces_session_id uuid,
  attempts smallint not null default 0,
  expires_at timestamptz not null,
  consumed_at timestamptz,
  created_at timestamptz not null default now(),
  constraint mfa_challenges_pkey primary key (token_hash),
  constraint mfa_challenges_user_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint mfa_challenges_target_workspace_fkey foreign key (target_workspace_id)
    references auth.workspaces (id) on delete cascade,
  constraint mfa_challenges_hash_length_check check (length(token_hash) = 32)
);

create index mfa_challenges_user_idx on auth.mfa_challenges (user_id);
create index mfa_challenges_target_workspace_idx on auth.mfa_challenges (target_workspace_id);
-- For the sweep.
create index mfa_challenges_expires_at_idx on auth.mfa_challenges (expires_at);

-- Why a session ended: the list grows with the features, and is a type in the code, which alone writes it.
alter table auth.sessions drop constraint sessions_revoke_reason_check;
alter table auth.sessions add constraint sessions_revoke_reason_check
  check (revoke_reason ~ '^[a-z]+(-[a-z]+)*$');

grant select, insert, delete on auth.totp_factors to capstone_auth;
grant update (confirmed_at, last_step, failures, locked_until) on auth.totp_factors to capstone_auth;
grant select, insert, delete on auth.recovery_codes to capstone_auth;
grant update (used_at) on auth.recovery_codes to capstone_auth;
grant select, insert, delete on auth.mfa_challenges to capstone_auth;
grant update (attempts, consumed_at) on auth.mfa_challenges to capstone_auth;
