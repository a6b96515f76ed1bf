-- What no longer counts although its signature still verifies. The truth; the Redis stream repeats it to verifiers.
-- Takes no lock on existing tables; an older release ignores it.

create table auth.revocations (
  kind text not null,
  -- The sid of a session, or the kid of a key.
  id text not null,
  revoked_at timestamptz not null default now(),
  -- When it was appended to the stream. Null is found and appended again, so a lost append repairs itself.
  published_at timestamptz,
  constraint revocations_pkey primary key (kind, id),
  constraint revocations_kind_check check (kind in ('session', 'key'))
);

create index revocations_unpublished_idx on auth.revocations (revoked_at) where published_at is null;
create index revocations_revoked_at_idx on auth.revocations (revoked_at);

grant select, insert, delete on auth.revocations to capstone_auth;
grant update (published_at) on auth.revocations to capstone_auth;
