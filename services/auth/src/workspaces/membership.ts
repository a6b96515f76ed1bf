import type { Role } from '@capstone/contracts/permissions';

/** A workspace as one of its members sees it. */
export interface Membership {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** Grows with each change of the role; access tokens of an earlier one no longer count. */
  readonly epoch: number;
}
