-- Audit events: one chain of hashes a workspace, and one for what belongs to none. A service may append through a function
-- and read through others; nobody may change or remove an event, the owner included. Needs the role capstone_audit.
-- Takes no lock on existing tables; an older release ignores it.

create table auth.audit_chains (
  -- The workspace; the nil UUID is the chain of what belongs to none.
  chain_id uuid not null,
  -- The newest event. Its row is the lock by which events of one chain come one after the other.
  seq bigint not null default 0,
  hash bytea not null default decode(repeat('00', 32), 'hex'),
  -- The key that the facts of this chain are sealed with, itself sealed with AUTH_KEY_ENCRYPTION_KEY. Null when the workspace
  -- is gone: the chain still verifies, and says nothing about anybody.
  sealed_key bytea,
  constraint audit_chains_pkey primary key (chain_id)
);

create table auth.audit_events (
  chain_id uuid not null,
  seq bigint not null,
  id uuid not null,
  occurred_at timestamptz(3) not null,
  action text not null,
  outcome text not null,
  -- HMAC of the user under the key of the chain: the same person is recognised, and nobody is named.
  actor text not null,
  -- Who, where and what, under AES-256-GCM with the key of the chain; the additional data is the id.
  sealed_facts bytea not null,
  -- SHA-256 over the hash before and the columns above.
  hash bytea not null,
  constraint audit_events_pkey primary key (chain_id, seq),
  constraint audit_events_chain_fkey foreign key (chain_id) references auth.audit_chains (chain_id),
  constraint audit_events_action_check check (action ~ '^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*$'),
  constraint audit_events_outcome_check check (outcome in ('allow', 'deny')),
  constraint audit_events_actor_check check (actor ~ '^([0-9a-f]{32})?$'),
  constraint audit_events_sealed_facts_size_check check (length(sealed_facts) <= 8192)
);

-- The hash of the chain up to a place, signed: by it a cut tail shows, which the chain alone would hide.
create table auth.audit_checkpoints (
  chain_id uuid not null,
  seq bigint not null,
  hash bytea not null,
  signed_at_ms bigint not null,
  -- Ed25519.
  signature bytea not null,
  constraint audit_checkpoints_pkey primary key (chain_id, seq)
);

create function auth.refuse_audit_change() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'audit events are never changed' using errcode = '42501';
end $$;

create trigger audit_events_stay before update or delete on auth.audit_events
  for each row execute function auth.refuse_audit_change();
create trigger audit_events_stay_all before truncate on auth.audit_events
  for each statement execute function auth.refuse_audit_change();
create trigger audit_checkpoints_stay before update or delete on auth.audit_checkpoints
  for each row execute function auth.refuse_audit_change();
create trigger audit_checkpoints_stay_all before truncate on auth.audit_checkpoints
  for each statement execute function auth.refuse_audit_change();

-- What the hash of an event is made over. Text without ambiguity: no part can hold the separator.
create function auth.audit_hash(
  previous bytea, chain uuid, place bigint, event_id uuid, at timestamptz, what text, how text, who text, facts bytea
) returns bytea
  language sql immutable
  set search_path = pg_catalog, pg_temp
  return sha256(previous || convert_to(concat_ws('|',
    chain, place, event_id, floor(extract(epoch from at) * 1000)::bigint, what, how, who, encode(facts, 'hex')
  ), 'UTF8'));

-- The sealed key of a chain, which is begun with the one that is offered unless it exists.
create function auth.open_audit_chain(chain uuid, offered_key bytea) returns bytea
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  known bytea;
begin
  insert into auth.audit_chains (chain_id, sealed_key) values (chain, offered_key) on conflict do nothing;
  select sealed_key into known from auth.audit_chains where chain_id = chain;
  return known;
end $$;

-- The lock on the chain is held until the caller's transaction ends, so what is appended stands in the order of commits.
create function auth.append_audit(
  chain uuid, event_id uuid, what text, how text, who text, facts bytea
) returns bigint
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  head auth.audit_chains;
  at timestamptz(3);
begin
  select * into strict head from auth.audit_chains where chain_id = chain for update;
  at := clock_timestamp();
  head.seq := head.seq + 1;
  head.hash := auth.audit_hash(head.hash, chain, head.seq, event_id, at, what, how, who, facts);
  insert into auth.audit_events (chain_id, seq, id, occurred_at, action, outcome, actor, sealed_facts, hash)
  values (chain, head.seq, event_id, at, what, how, who, facts, head.hash);
  update auth.audit_chains set seq = head.seq, hash = head.hash where chain_id = chain;
  return head.seq;
end $$;

-- For its members: only of the workspace that the transaction is in.
create function auth.list_audit(before_seq bigint, page_size integer)
  returns table (seq bigint, id uuid, occurred_at timestamptz, action text, outcome text, sealed_facts bytea, hash bytea)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  select e.seq, e.id, e.occurred_at, e.action, e.outcome, e.sealed_facts, e.hash
    from auth.audit_events as e
   where e.chain_id = auth.current_workspace_id()
     and e.seq < before_seq
   order by e.seq desc
   limit page_size;
end;

-- For the verification, which looks at every chain; what it sees is sealed.
create function auth.list_audit_chains()
  returns table (chain_id uuid, seq bigint, hash bytea)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  select c.chain_id, c.seq, c.hash from auth.audit_chains as c order by c.chain_id;
end;

create function auth.read_audit_chain(chain uuid, after_seq bigint, page_size integer)
  returns table (seq bigint, id uuid, occurred_at timestamptz, action text, outcome text, actor text, sealed_facts bytea, hash bytea)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  select e.seq, e.id, e.occurred_at, e.action, e.outcome, e.actor, e.sealed_facts, e.hash
    from auth.audit_events as e
   where e.chain_id = chain and e.seq > after_seq
   order by e.seq
   limit page_size;
end;

create function auth.list_audit_checkpoints()
  returns table (chain_id uuid, seq bigint, hash bytea, signed_at_ms bigint, signature bytea)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  select c.chain_id, c.seq, c.hash, c.signed_at_ms, c.signature
    from auth.audit_checkpoints as c
   order by c.chain_id, c.seq;
end;

-- Chains that have grown since their last checkpoint.
create function auth.list_unsigned_audit_chains()
  returns table (chain_id uuid, seq bigint, hash bytea)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  select c.chain_id, c.seq, c.hash
    from auth.audit_chains as c
   where c.seq > coalesce(
     (select max(p.seq) from auth.audit_checkpoints as p where p.chain_id = c.chain_id), 0);
end;

create function auth.add_audit_checkpoint(
  chain uuid, place bigint, head bytea, at_ms bigint, signed bytea
) returns boolean
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  with added as (
    insert into auth.audit_checkpoints (chain_id, seq, hash, signed_at_ms, signature)
    values (chain, place, head, at_ms, signed)
    on conflict do nothing
    returning 1
  )
  select exists (select from added);
end;

-- Forgets who was who in a chain whose workspace is gone.
create function auth.shred_audit_chain(chain uuid) returns void
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  update auth.audit_chains as c
     set sealed_key = null
   where c.chain_id = chain
     and not exists (select from auth.workspaces as w where w.id = chain);
end;

-- Handed over at the end: from here on not even the migrator owns them.
grant create, usage on schema auth to capstone_audit;
grant select (id) on auth.workspaces to capstone_audit;
create policy workspaces_exist on auth.workspaces for select to capstone_audit using (true);
grant execute on function auth.current_workspace_id() to capstone_audit;

alter table auth.audit_chains owner to capstone_audit;
alter table auth.audit_events owner to capstone_audit;
alter table auth.audit_checkpoints owner to capstone_audit;
alter function auth.refuse_audit_change() owner to capstone_audit;
alter function auth.audit_hash(bytea, uuid, bigint, uuid, timestamptz, text, text, text, bytea) owner to capstone_audit;
alter function auth.open_audit_chain(uuid, bytea) owner to capstone_audit;
alter function auth.append_audit(uuid, uuid, text, text, text, bytea) owner to capstone_audit;
alter function auth.list_audit(bigint, integer) owner to capstone_audit;
alter function auth.list_audit_chains() owner to capstone_audit;
alter function auth.read_audit_chain(uuid, bigint, integer) owner to capstone_audit;
alter function auth.list_audit_checkpoints() owner to capstone_audit;
alter function auth.list_unsigned_audit_chains() owner to capstone_audit;
alter function auth.add_audit_checkpoint(uuid, bigint, bytea, bigint, bytea) owner to capstone_audit;
alter function auth.shred_audit_chain(uuid) owner to capstone_audit;
revoke create on schema auth from capstone_audit;

-- As the new owner: nobody but a member of it can give these rights now.
set local role capstone_audit;
revoke all on function
  auth.refuse_audit_change(),
  auth.audit_hash(bytea, uuid, bigint, uuid, timestamptz, text, text, text, bytea),
  auth.open_audit_chain(uuid, bytea),
  auth.append_audit(uuid, uuid, text, text, text, bytea),
  auth.list_audit(bigint, integer),
  auth.list_audit_chains(),
  auth.read_audit_chain(uuid, bigint, integer),
  auth.list_audit_checkpoints(),
  auth.list_unsigned_audit_chains(),
  auth.add_audit_checkpoint(uuid, bigint, bytea, bigint, bytea),
  auth.shred_audit_chain(uuid)
from public;
grant execute on function
  auth.open_audit_chain(uuid, bytea),
  auth.append_audit(uuid, uuid, text, text, text, bytea),
  auth.list_audit(bigint, integer),
  auth.list_audit_chains(),
  auth.read_audit_chain(uuid, bigint, integer),
  auth.list_audit_checkpoints(),
  auth.list_unsigned_audit_chains(),
  auth.add_audit_checkpoint(uuid, bigint, bytea, bigint, bytea),
  auth.shred_audit_chain(uuid)
to capstone_auth;
reset role;
