-- Passwords can be replaced: by their owner, and by a sign-in that stores the same one under the policy of today.
-- Takes a short lock on auth.credentials and rewrites nothing; an older release can run beside it.

alter table auth.credentials add column changed_at timestamptz not null default now();

grant update (password_hash, changed_at) on auth.credentials to capstone_auth;
