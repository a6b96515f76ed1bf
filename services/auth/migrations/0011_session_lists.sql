-- What a person is shown of a session, and the epoch by which a changed role ends the access tokens of before.
-- New columns with a default: locks sessions, memberships and revocations for a moment; an older release runs beside it.

-- Where it was last refreshed from, or else begun: for its owner to recognise it. Never used to authorize.
alter table auth.sessions add column address text;
alter table auth.sessions add column user_agent text;
alter table auth.sessions add constraint sessions_address_length_check check (length(address) <= 100);
alter table auth.sessions add constraint sessions_user_agent_length_check check (length(user_agent) <= 300);

-- Written into access tokens, and grows with each change of the role. It begins at the time in milliseconds and not at 1,
-- so that somebody who leaves and comes back does not meet what was said about the first time.
alter table auth.memberships add column epoch bigint not null
  default floor(extract(epoch from clock_timestamp()) * 1000)::bigint;
alter table auth.memberships add constraint memberships_epoch_check check (epoch > 0);

-- roles: the id is workspace/user, and tokens of an earlier epoch no longer count. api-key: the id of one.
alter table auth.revocations add column epoch bigint;
alter table auth.revocations drop constraint revocations_kind_check;
alter table auth.revocations add constraint revocations_kind_check
  check (kind in ('session', 'key', 'roles', 'api-key'));
alter table auth.revocations add constraint revocations_epoch_check
  check ((kind = 'roles') = (epoch is not null));

-- A session that moves to another workspace, or is refreshed, is recorded by these two.
grant update (address, user_agent) on auth.sessions to capstone_auth;
-- A role that changes once more is told once more.
grant update (revoked_at, epoch) on auth.revocations to capstone_auth;

-- A time as the public API writes it: RFC 3339, UTC, milliseconds. Inlined by the planner.
create function auth.rfc3339(at timestamptz) returns text
  language sql stable strict parallel safe
  return to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

revoke all on function auth.rfc3339(timestamptz) from public;
grant execute on function auth.rfc3339(timestamptz) to capstone_auth;
