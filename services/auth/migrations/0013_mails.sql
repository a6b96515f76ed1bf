-- Mail that is to be sent. A message holds tokens, so it lies here sealed; what leaves this database is its id.
-- Takes no lock on existing tables; an older release ignores it.

create table auth.mails (
  id uuid not null,
  kind text not null,
  -- Recipient and contents as JSON under AES-256-GCM with AUTH_KEY_ENCRYPTION_KEY; the additional data is the id.
  sealed_content bytea not null,
  created_at timestamptz not null default now(),
  constraint mails_pkey primary key (id),
  constraint mails_kind_check check (kind ~ '^[a-z]+(-[a-z]+)*$')
);

grant select, insert on auth.mails to capstone_auth;
