import { z } from 'zod';

/** A whole number in an environment variable. Blank is not 0: it is missing. */
export function integer(range: { min: number; max: number }) {
  return z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(range.min).max(range.max));
}

/** A number with a fraction in an environment variable. */
export function decimal(range: { min: number; max: number }) {
  return z
    .string()
    .regex(/^\d+(\.\d+)?$/, 'must be a decimal number')
    .transform(Number)
    .pipe(z.number().min(range.min).max(range.max));
}

/** A TCP port; 0 lets the system choose a free one. */
export const port = integer({ min: 0, max: 65_535 });

/** `true` or `false`, spelled out. */
export const flag = z.enum(['true', 'false']).transform((value) => value === 'true');

/** `100/60`: a hundred of something in sixty seconds. */
export const allowance = z
  .string()
  .regex(/^[1-9]\d{0,8}\/[1-9]\d{0,4}$/, 'must be requests/seconds, such as 100/60')
  .transform((text) => {
    const [requests = 1, seconds = 1] = text.split('/').map(Number);
    return { requests, seconds };
  });

/** 32 secret bytes in base64. There is never a default. */
export const secretKey = z
  .string()
  .transform((value) => Buffer.from(value, 'base64'))
  .refine((bytes) => bytes.length === 32, 'must be 32 bytes in base64');

const postgresUrl = z
  .url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// URL' })
  .refine(
    (url) => !url.includes('?'),
    'takes no parameters: timeouts and TLS have settings of their own',
  );

const redisUrl = z.url({ protocol: /^rediss?$/, error: 'must be a redis:// or rediss:// URL' });
const path = z.string().min(1);

/** What every service reads. Spread into its own schema; `ADMIN_PORT` gets its default there. */
export const commonEnv = {
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
  ADMIN_HOST: z.string().default('127.0.0.1'),
  ADMIN_PORT: port,
  DATABASE_URL: postgresUrl,
  DATABASE_CA_FILE: path.optional(),
  DATABASE_POOL_SIZE: integer({ min: 1, max: 200 }).default(10),
  DATABASE_PIPELINES: integer({ min: 1, max: 16 }).default(2),
  DATABASE_STATEMENT_TIMEOUT_MS: integer({ min: 10, max: 600_000 }).default(5_000),
  REDIS_QUEUE_URL: redisUrl,
  REDIS_CACHE_URL: redisUrl,
  REDIS_CA_FILE: path.optional(),
  REDIS_KEY_PREFIX: z
    .string()
    .regex(/^capstone[a-z0-9-]*$/, 'must begin with capstone: the ACL patterns do')
    .default('capstone'),
  TLS_CA_FILE: path,
  TLS_CERT_FILE: path,
  TLS_KEY_FILE: path,
  TRACE_SAMPLE_RATIO: decimal({ min: 0, max: 1 }).default(0.01),
  TRACE_SAMPLE_PER_SECOND: decimal({ min: 0, max: 1_000 }).default(1),
  TRACE_RECENT_SPANS: integer({ min: 0, max: 100_000 }).default(0),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  BUILD_VERSION: z.string().max(100).default('0.0.0'),
  BUILD_COMMIT: z.string().max(100).optional(),
  SHUTDOWN_TIMEOUT_MS: integer({ min: 100, max: 600_000 }).default(10_000),
};

const CommonEnv = z.object(commonEnv);

/** The settings that every service has, in the shape the platform's own modules take. */
export type CommonConfig = ReturnType<typeof commonConfig>;

/** Turns the common keys into that shape; a service's `.transform` spreads it and adds its own. */
export function commonConfig(env: z.output<typeof CommonEnv>) {
  return {
    log: { level: env.LOG_LEVEL },
    admin: { host: env.ADMIN_HOST, port: env.ADMIN_PORT },
    database: {
      url: env.DATABASE_URL,
      caFile: env.DATABASE_CA_FILE,
      poolSize: env.DATABASE_POOL_SIZE,
      pipelines: env.DATABASE_PIPELINES,
      statementTimeoutMs: env.DATABASE_STATEMENT_TIMEOUT_MS,
    },
    redis: {
      queueUrl: env.REDIS_QUEUE_URL,
      cacheUrl: env.REDIS_CACHE_URL,
      caFile: env.REDIS_CA_FILE,
      keyPrefix: env.REDIS_KEY_PREFIX,
    },
    tls: { caFile: env.TLS_CA_FILE, certFile: env.TLS_CERT_FILE, keyFile: env.TLS_KEY_FILE },
    build: { version: env.BUILD_VERSION, commit: env.BUILD_COMMIT },
    tracing: {
      sampleRatio: env.TRACE_SAMPLE_RATIO,
      samplePerSecond: env.TRACE_SAMPLE_PER_SECOND,
      recentSpans: env.TRACE_RECENT_SPANS,
      endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT,
    },
    shutdownTimeoutMs: env.SHUTDOWN_TIMEOUT_MS,
  };
}

/** Every fault of a configuration at once, by key. Values are never repeated: they may be secrets. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly { key: string; fault: string }[]) {
    super(`The configuration is not valid:\n${faults.map(sentence).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/**
 * Reads a service's settings, once, at start. A blank value counts as not set. The result is frozen all the way down.
 * Throws ConfigError.
 */
export function parseEnv<S extends z.ZodType>(
  schema: S,
  env: Record<string, string | undefined>,
): z.output<S> {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value));
  const parsed = schema.safeParse(present);
  if (parsed.success) return deepFreeze(parsed.data);
  throw new ConfigError(
    parsed.error.issues.map((issue) => {
      const key = issue.path.join('.');
      const missing = issue.code === 'invalid_type' && !(key in present);
      return { key, fault: missing ? 'is not set, and has no default' : issue.message };
    }),
  );
}

/** What the migrator's command line reads. */
export function loadMigrateConfig(env: Record<string, string | undefined> = process.env) {
  const schema = z.object({
    LOG_LEVEL: commonEnv.LOG_LEVEL,
    DATABASE_URL: commonEnv.DATABASE_URL,
    DATABASE_CA_FILE: commonEnv.DATABASE_CA_FILE,
  });
  return parseEnv(
    schema.transform((parsed) => ({
      log: { level: parsed.LOG_LEVEL },
      database: { url: parsed.DATABASE_URL, caFile: parsed.DATABASE_CA_FILE },
    })),
    env,
  );
}

function sentence({ key, fault }: { key: string; fault: string }) {
  return `  ${key || 'environment'}: ${fault}`;
}

/** Buffers, keys and URLs are left alone: a typed array cannot be frozen. */
function deepFreeze<T>(value: T): T {
  const plain = Array.isArray(value) || Object.getPrototypeOf(value ?? 0) === Object.prototype;
  if (!plain || Object.isFrozen(value)) return value;
  for (const part of Object.values(value as object)) deepFreeze(part);
  return Object.freeze(value);
}
