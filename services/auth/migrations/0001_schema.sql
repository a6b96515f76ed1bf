-- Who may enter the schema of the auth service, and the two settings that every row-level policy reads.
-- Locks nothing. Runs first; the old release does not exist yet.

revoke all on schema auth from public;
grant usage on schema auth to capstone_auth;

-- Both are transaction-local settings. nullif: a pooled connection that once had a local setting reads '' and not
-- null afterwards, which must mean "nobody", not a cast error.
create function auth.current_workspace_id() returns uuid
  language sql stable
  return nullif(current_setting('app.workspace_id', true), '')::uuid;

create function auth.current_user_id() returns uuid
  language sql stable
  return nullif(current_setting('app.user_id', true), '')::uuid;

revoke all on function auth.current_workspace_id(), auth.current_user_id() from public;
grant execute on function auth.current_workspace_id(), auth.current_user_id() to capstone_auth;
