import type { Role } from '@capstone/contracts/permissions';

/** A workspace as one of its members sees it. */
export interface Membership {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
}
