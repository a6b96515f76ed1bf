import { z } from 'zod';

export const Role = z.enum(['owner', 'admin', 'member', 'viewer']);
export type Role = z.infer<typeof Role>;

export const Permission = z.enum([
  'tasks:read',
  'tasks:write',
  'documents:read',
  'documents:write',
  'search:read',
  'ask:read',
  'events:read',
  'account:read',
  'workspace:read',
  'workspace:write',
  'workspace:delete',
  'workspace:export',
  'members:read',
  'members:write',
  'api-keys:read',
  'api-keys:write',
  'audit:read',
]);
export type Permission = z.infer<typeof Permission>;

/** What a machine may be given: never anything about people, keys or the workspace itself. */
export const ApiKeyScope = Permission.extract([
  'tasks:read',
  'tasks:write',
  'documents:read',
  'documents:write',
  'search:read',
  'ask:read',
  'events:read',
]);
export type ApiKeyScope = z.infer<typeof ApiKeyScope>;

const viewer: readonly Permission[] = [
  'tasks:read',
  'documents:read',
  'search:read',
  'ask:read',
  'events:read',
  'account:read',
  'workspace:read',
  'members:read',
];
const member: readonly Permission[] = [
  ...viewer,
  'tasks:write',
  'documents:write',
  'api-keys:read',
  'api-keys:write',
];
const admin: readonly Permission[] = [...member, 'workspace:write', 'members:write', 'audit:read'];
const owner: readonly Permission[] = [...admin, 'workspace:delete', 'workspace:export'];

/**
 * The one table of who may do what. auth writes it into a token's scope, and api checks a route's permission against that.
 * Where a path names a workspace, auth checks it against the caller's role there.
 */
export const rolePermissions: Readonly<Record<Role, readonly Permission[]>> = {
  owner,
  admin,
  member,
  viewer,
};

/** Whether one member may give another a role, or take theirs: nobody touches, or makes, who stands above them. */
export function mayAssign(by: Role, from: Role, to: Role): boolean {
  if (!rolePermissions[by].includes('members:write')) return false;
  return by === 'owner' || (from !== 'owner' && to !== 'owner');
}
