-- People and how they prove who they are. No workspace owns a person, so these tables have no row-level security:
-- they are read before anybody is known.
-- Takes no lock on existing tables; an older release ignores them.

create table auth.users (
  id uuid not null,
  -- Lower case: how addresses are compared. What was typed is not kept.
  email text not null,
  name text,
  email_verified_at timestamptz,
  -- Written when somebody registers with an address that is known already, so that this costs the same write and the
  -- same wait for the log as a new account, and the answer's time tells nothing.
  registration_seen_at timestamptz,
  created_at timestamptz not null default now(),
  constraint users_pkey primary key (id),
  constraint users_email_key unique (email),
  constraint users_email_canonical_check check (email = lower(email)),
  constraint users_email_length_check check (length(email) between 3 and 254),
  constraint users_name_length_check check (length(name) between 1 and 100)
);

create table auth.credentials (
  user_id uuid not null,
  -- PHC string: Argon2id over HMAC-SHA-256(pepper, password). The pepper is never in this database.
  password_hash text not null,
  created_at timestamptz not null default now(),
  constraint credentials_pkey primary key (user_id),
  constraint credentials_user_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint credentials_password_hash_check check (password_hash like '$argon2id$%')
);

grant select, insert on auth.users to capstone_auth;
grant update (registration_seen_at) on auth.users to capstone_auth;
grant select, insert on auth.credentials to capstone_auth;
