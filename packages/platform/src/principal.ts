import type { Permission, Role } from '@capstone/contracts/permissions';

interface Identity {
  /** The person: of an API key who created it. */
  readonly userId: string;
  readonly workspaceId: string;
  readonly role: Role;
  readonly scopes: ReadonlySet<Permission>;
}

/** A person, by an access token. */
export interface UserPrincipal extends Identity {
  readonly kind: 'user';
  readonly sessionId: string;
  /** Authenticator assurance level (NIST SP 800-63B): 2 when a second factor was shown. */
  readonly aal: 1 | 2;
  readonly authTimeSeconds: number;
  readonly tokenId: string;
}

/** A machine, by an API key. */
export interface ApiKeyPrincipal extends Identity {
  readonly kind: 'api-key';
  readonly apiKeyId: string;
  readonly sessionId?: never;
}

/** The verified caller of a request. Made by api's access hook from a token or a key, and from nothing else. */
export type Principal = UserPrincipal | ApiKeyPrincipal;
