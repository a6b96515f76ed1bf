import { availableParallelism } from 'node:os';
import {
  allowance,
  commonConfig,
  commonEnv,
  flag,
  integer,
  parseEnv,
  port,
  secretKey,
} from '@capstone/platform/config';
import { z } from 'zod';

/**
 * Argon2 runs on libuv's threads, four unless told otherwise. One is left free, or name look-ups and file reads of the
 * whole process would wait behind passwords; one core is left free for the event loop.
 */
const defaultHashingConcurrency = Math.min(Math.max(availableParallelism() - 1, 1), 3);

const secrets = ['AUTH_PASSWORD_PEPPER', 'AUTH_TOKEN_PEPPER', 'AUTH_KEY_ENCRYPTION_KEY'] as const;

export const AuthEnv = z
  .object({
    ...commonEnv,
    ADMIN_PORT: port.default(9081),
    GRPC_HOST: z.string().default('127.0.0.1'),
    GRPC_PORT: port.default(7070),
    AUTH_ISSUER: z.url().default('https://auth.capstone.internal'),
    AUTH_AUDIENCE: z.string().min(1).default('capstone-api'),
    AUTH_PASSWORD_PEPPER: secretKey,
    AUTH_TOKEN_PEPPER: secretKey,
    AUTH_KEY_ENCRYPTION_KEY: secretKey,
    AUTH_LIMIT_ACCOUNT_SOURCE: allowance.default({ requests: 10, seconds: 600 }),
    AUTH_LIMIT_SOURCE: allowance.default({ requests: 60, seconds: 60 }),
    AUTH_LIMIT_ACCOUNT: allowance.default({ requests: 100, seconds: 3_600 }),
    AUTH_REQUIRE_VERIFIED_EMAIL: flag.default(false),
    AUTH_AUDIT_CHECKPOINT_FILE: z.string().min(1).optional(),
    AUTH_AUDIT_CHECKPOINT_SECONDS: integer({ min: 1, max: 86_400 }).default(60),
    AUTH_WORKSPACE_DELETION_GRACE_SECONDS: integer({ min: 0, max: 31_536_000 }).default(
      7 * 24 * 60 * 60,
    ),
    AUTH_KEY_PENDING_SECONDS: integer({ min: 1, max: 86_400 }).default(900),
    AUTH_KEY_ACTIVE_DAYS: integer({ min: 1, max: 365 }).default(30),
    AUTH_HASHING_CONCURRENCY: integer({ min: 1, max: 64 }).default(defaultHashingConcurrency),
  })
  .superRefine((env, context) => {
    for (const key of secrets) {
      // 32 random bytes hold about 30 different values; a placeholder holds a few.
      if (new Set(env[key]).size < 16)
        fault(context, key, 'is not random: make one with openssl rand');
    }
    if (new Set(secrets.map((key) => env[key].toString('hex'))).size < secrets.length) {
      fault(context, 'AUTH_TOKEN_PEPPER', 'the three secrets must differ');
    }
  });

/** The settings of this service, read once at its start. Throws ConfigError. */
export function loadConfig(env: Record<string, string | undefined> = process.env) {
  return parseEnv(AuthEnv.transform(toConfig), env);
}

export type Config = ReturnType<typeof loadConfig>;

function toConfig(env: z.output<typeof AuthEnv>) {
  return {
    ...commonConfig(env),
    grpc: { host: env.GRPC_HOST, port: env.GRPC_PORT },
    tokens: {
      issuer: env.AUTH_ISSUER,
      audience: env.AUTH_AUDIENCE,
      pepper: env.AUTH_TOKEN_PEPPER,
    },
    passwords: {
      pepper: env.AUTH_PASSWORD_PEPPER,
      hashingConcurrency: env.AUTH_HASHING_CONCURRENCY,
    },
    throttle: {
      accountSource: env.AUTH_LIMIT_ACCOUNT_SOURCE,
      source: env.AUTH_LIMIT_SOURCE,
      account: env.AUTH_LIMIT_ACCOUNT,
    },
    accounts: { requireVerifiedEmail: env.AUTH_REQUIRE_VERIFIED_EMAIL },
    keys: {
      encryptionKey: env.AUTH_KEY_ENCRYPTION_KEY,
      pendingSeconds: env.AUTH_KEY_PENDING_SECONDS,
      activeSeconds: env.AUTH_KEY_ACTIVE_DAYS * 24 * 60 * 60,
    },
    audit: {
      checkpointFile: env.AUTH_AUDIT_CHECKPOINT_FILE,
      checkpointSeconds: env.AUTH_AUDIT_CHECKPOINT_SECONDS,
    },
    workspaces: { deletionGraceSeconds: env.AUTH_WORKSPACE_DELETION_GRACE_SECONDS },
  };
}

function fault(context: z.RefinementCtx, key: string, message: string) {
  context.addIssue({ code: 'custom', path: [key], message });
}
