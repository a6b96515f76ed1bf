import { z } from 'zod';
import { Permission, Role } from './permissions.js';
import { text } from './text.js';

/** Lower case is how addresses are compared; what was typed is not kept. */
const email = z
  .string()
  .trim()
  .max(254)
  .pipe(z.email())
  .transform((address) => address.toLowerCase());

/** 12 to 256 bytes, used exactly as received (ASVS 6.2.1, 6.2.8). */
const newPassword = z
  .string()
  .refine((password) => Buffer.byteLength(password) >= 12, 'must be at least 12 bytes long')
  .refine((password) => Buffer.byteLength(password) <= 256, 'must be at most 256 bytes long');

export const Register = z
  .strictObject({
    email,
    password: newPassword,
    name: text().trim().min(1).max(100).optional(),
  })
  .meta({ id: 'Register' });
export type Register = z.infer<typeof Register>;

export const Accepted = z.object({ status: z.literal('accepted') }).meta({ id: 'Accepted' });
export type Accepted = z.infer<typeof Accepted>;

export const Login = z
  .strictObject({
    email,
    password: z.string().min(1).max(256),
    workspaceId: z.uuid().optional(),
  })
  .meta({ id: 'Login' });
export type Login = z.infer<typeof Login>;

export const Refresh = z
  .strictObject({ refreshToken: z.string().min(1).max(200) })
  .meta({ id: 'Refresh' });
export type Refresh = z.infer<typeof Refresh>;

const workspace = z.object({ id: z.uuid(), name: z.string(), role: Role });

export const Tokens = z
  .object({
    status: z.literal('authenticated'),
    tokenType: z.literal('Bearer'),
    accessToken: z.string(),
    expiresIn: z.int().meta({ description: 'Seconds.' }),
    refreshToken: z.string(),
    workspace,
  })
  .meta({ id: 'Tokens' });
export type Tokens = z.infer<typeof Tokens>;

export const Me = z
  .object({
    user: z.object({
      id: z.uuid(),
      email: z.string(),
      name: z.string().nullable(),
      emailVerified: z.boolean(),
    }),
    workspace: z.object({ id: z.uuid(), name: z.string() }),
    role: Role,
    scopes: z.array(Permission),
    aal: z.int(),
  })
  .meta({ id: 'Me' });
export type Me = z.infer<typeof Me>;

/**
 * What an access token says, apart from the registered claims `iss`, `aud`, `exp`, `iat`, `jti` (RFC 9068 section 2.2).
 * `sid` is the session, `wid` the workspace; `scope` is space separated.
 */
export const AccessClaims = z.object({
  sub: z.uuid(),
  sid: z.uuid(),
  wid: z.uuid(),
  role: Role,
  scope: z.string(),
  aal: z.union([z.literal(1), z.literal(2)]),
  auth_time: z.int(),
  client_id: z.string(),
  jti: z.string(),
  exp: z.int(),
  iat: z.int(),
});
export type AccessClaims = z.infer<typeof AccessClaims>;
