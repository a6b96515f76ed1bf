import type { Permission, Role } from '@capstone/contracts/permissions';

/** The verified caller of a request. Made from an access token by api's guard and from nothing else. */
export interface Principal {
  readonly kind: 'user';
  readonly userId: string;
  readonly workspaceId: string;
  readonly role: Role;
  readonly scopes: ReadonlySet<Permission>;
  readonly sessionId: string;
  /** Authenticator assurance level (NIST SP 800-63B): 2 when a second factor was shown. */
  readonly aal: 1 | 2;
  readonly authTimeSeconds: number;
  readonly tokenId: string;
}
