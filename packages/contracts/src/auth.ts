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
  .strictObject({
    refreshToken: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .meta({ description: 'Left out by a page in a browser, whose cookie carries it.' }),
  })
  .meta({ id: 'Refresh' });
export type Refresh = z.infer<typeof Refresh>;

const workspace = z.object({ id: z.uuid(), name: z.string(), role: Role });

export const Tokens = z.object({
  status: z.literal('authenticated'),
  tokenType: z.literal('Bearer'),
  accessToken: z.string(),
  expiresIn: z.int().meta({ description: 'Seconds.' }),
  refreshToken: z.string(),
  workspace,
});
export type Tokens = z.infer<typeof Tokens>;

/** The same for the public: a page in a browser gets its refresh token in a cookie and not here. */
export const TokensAnswer = Tokens.partial({ refreshToken: true }).meta({ id: 'Tokens' });
export type TokensAnswer = z.infer<typeof TokensAnswer>;

export const MfaMethod = z.enum(['totp', 'recovery_code']);
export type MfaMethod = z.infer<typeof MfaMethod>;

export const MfaRequired = z
  .object({
    status: z.literal('mfa_required'),
    challengeId: z.string(),
    methods: z.array(MfaMethod),
  })
  .meta({ id: 'MfaRequired' });
export type MfaRequired = z.infer<typeof MfaRequired>;

/** What a right password is answered with: tokens, or the wish for a second factor. */
export const SignIn = z.discriminatedUnion('status', [Tokens, MfaRequired]);
export type SignIn = z.infer<typeof SignIn>;

export const SignInAnswer = z
  .discriminatedUnion('status', [TokensAnswer, MfaRequired])
  .meta({ id: 'SignIn' });
export type SignInAnswer = z.infer<typeof SignInAnswer>;

/** Six digits, or a recovery code; blanks and hyphens in them are for the eye. */
const code = z
  .string()
  .min(6)
  .max(64)
  .transform((typed) => typed.replaceAll(/[\s-]/g, ''));

export const VerifyMfa = z
  .strictObject({ challengeId: z.string().min(1).max(200), method: MfaMethod, code })
  .meta({ id: 'VerifyMfa' });
export type VerifyMfa = z.infer<typeof VerifyMfa>;

export const ChangePassword = z
  .strictObject({ currentPassword: z.string().min(1).max(256), newPassword })
  .meta({ id: 'ChangePassword' });
export type ChangePassword = z.infer<typeof ChangePassword>;

export const StepUp = z
  .strictObject({ password: z.string().min(1).max(256) })
  .meta({ id: 'StepUp' });
export type StepUp = z.infer<typeof StepUp>;

export const TotpEnrolment = z
  .object({
    secret: z.string().meta({ description: 'Base32, for typing into an authenticator app.' }),
    otpauthUri: z.string(),
    qrSvg: z.string().meta({ description: 'The URI as a QR code: an SVG document.' }),
  })
  .meta({ id: 'TotpEnrolment' });
export type TotpEnrolment = z.infer<typeof TotpEnrolment>;

export const TotpCode = z.strictObject({ code }).meta({ id: 'TotpCode' });
export type TotpCode = z.infer<typeof TotpCode>;

export const RecoveryCodes = z
  .object({ recoveryCodes: z.array(z.string()) })
  .meta({ id: 'RecoveryCodes' });
export type RecoveryCodes = z.infer<typeof RecoveryCodes>;

/** How old a sign-in may be for what could cost somebody their account (ASVS 7.5.1). */
export const freshSignInSeconds = 300;

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
 * `sid` is the session, `wid` the workspace; `scope` is space separated. `epoch` grows whenever the role changes: a token
 * of an earlier one is refused.
 */
export const AccessClaims = z.object({
  sub: z.uuid(),
  sid: z.uuid(),
  wid: z.uuid(),
  role: Role,
  epoch: z.int(),
  scope: z.string(),
  aal: z.union([z.literal(1), z.literal(2)]),
  auth_time: z.int(),
  client_id: z.string(),
  jti: z.string(),
  exp: z.int(),
  iat: z.int(),
});
export type AccessClaims = z.infer<typeof AccessClaims>;
