-- The keys that sign access tokens.
-- Takes no lock on existing tables; an older release ignores them.

create table auth.signing_keys (
  -- RFC 7638 thumbprint of the public key.
  kid text not null,
  -- pending: published, not signing yet. active: signs. retired: verifies until its last token is over.
  -- tainted: verifies nothing any more.
  state text not null,
  public_jwk jsonb not null,
  -- The private JWK under AES-256-GCM with AUTH_KEY_ENCRYPTION_KEY: nonce, ciphertext, tag. The additional data is the
  -- kid, so that a row copied over another does not open.
  wrapped_private_jwk bytea not null,
  created_at timestamptz not null default now(),
  constraint signing_keys_pkey primary key (kid),
  constraint signing_keys_state_check check (state in ('pending', 'active', 'retired', 'tainted'))
);

create unique index signing_keys_one_active_key on auth.signing_keys (state) where state = 'active';

grant select, insert on auth.signing_keys to capstone_auth;
