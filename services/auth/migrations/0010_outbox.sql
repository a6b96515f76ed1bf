-- What must leave this database: written in the transaction of the change it tells of, deleted when it has been relayed.
-- Takes no lock on existing tables; an older release ignores it.

create table auth.outbox (
  -- UUIDv7, so the primary key is also the order of relay. It becomes the job id, which makes a second relay harmless.
  id uuid not null,
  kind text not null,
  name text not null,
  -- Ids only: no address and no token ever leaves this way.
  payload jsonb not null,
  -- W3C trace context of the request that wrote the row; the job goes on in the same trace.
  traceparent text,
  created_at timestamptz not null default now(),
  constraint outbox_pkey primary key (id),
  constraint outbox_kind_check check (kind in ('job', 'event'))
);

-- Empty nearly always and never old: vacuum early, or the relay walks over dead rows.
alter table auth.outbox set (autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

-- No workspace column and no policy: the relay serves all workspaces, and nothing here is ever shown to a caller.
grant select, insert, update, delete on auth.outbox to capstone_auth;
