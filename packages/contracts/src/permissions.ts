import { z } from 'zod';

export const Role = z.enum(['owner', 'admin', 'member', 'viewer']);
export type Role = z.infer<typeof Role>;

export const Permission = z.enum([
  'tasks:read',
  'tasks:write',
  'documents:read',
  'documents:write',
  'search:read',
  'events:read',
  'account:read',
]);
export type Permission = z.infer<typeof Permission>;

const reading: readonly Permission[] = [
  'tasks:read',
  'documents:read',
  'search:read',
  'events:read',
  'account:read',
];
const writing: readonly Permission[] = [...reading, 'tasks:write', 'documents:write'];

/** The one table of who may do what. auth writes it into a token's scope; api checks a route's permission against that. */
export const rolePermissions: Readonly<Record<Role, readonly Permission[]>> = {
  owner: writing,
  admin: writing,
  member: writing,
  viewer: reading,
};
