-- Signing keys change their state: pending, active, retired, tainted, each with the time it began.
-- Takes a short lock on auth.signing_keys, which has a handful of rows; an older release can run beside it.

alter table auth.signing_keys add column activated_at timestamptz;
alter table auth.signing_keys add column retired_at timestamptz;
alter table auth.signing_keys add column tainted_at timestamptz;
update auth.signing_keys set activated_at = created_at where state = 'active';

create unique index signing_keys_one_pending_key on auth.signing_keys (state) where state = 'pending';

grant update (state, activated_at, retired_at, tainted_at) on auth.signing_keys to capstone_auth;
