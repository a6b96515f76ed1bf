import { Permission } from '@capstone/contracts/permissions';
import type { Principal } from '@capstone/platform/principal';

/** Somebody whose token or key was good when it was checked, and by what it may have lost that since. */
export interface VerifiedCaller {
  readonly principal: Principal;
  /** The signing key of a token. */
  readonly keyId?: string;
  readonly membershipId: string;
  readonly epoch: number;
  readonly expiresAtMs: number;
}

/** A scope of a later release is no permission here. */
export function isPermission(scope: string): scope is Permission {
  return Permission.safeParse(scope).success;
}
