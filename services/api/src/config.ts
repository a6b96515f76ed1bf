import { z } from 'zod';
import { commonConfig, commonEnv, flag, integer, parseEnv, port } from '@capstone/platform/config';

/** `100/60`: a hundred requests in sixty seconds, all at once if need be, then at that pace. */
const allowance = z
  .string()
  .regex(/^[1-9]\d{0,8}\/[1-9]\d{0,4}$/, 'must be requests/seconds, such as 100/60')
  .transform((text) => {
    const [requests = 1, seconds = 1] = text.split('/').map(Number);
    return { requests, seconds };
  });
export type Allowed = z.output<typeof allowance>;

const ApiEnv = z.object({
  ...commonEnv,
  ADMIN_PORT: port.default(9080),
  HTTP_HOST: z.string().default('127.0.0.1'),
  HTTP_PORT: port.default(8080),
  HTTP_TRUSTED_PROXIES: integer({ min: 0, max: 10 }).default(0),
  HTTP_MAX_IN_FLIGHT: integer({ min: 1, max: 100_000 }).default(1_000),
  AUTH_GRPC_TARGET: z.string().min(1).default('localhost:7070'),
  AUTH_ISSUER: z.url().default('https://auth.capstone.internal'),
  AUTH_AUDIENCE: z.string().min(1).default('capstone-api'),
  AUTH_TOKEN_CACHE_SIZE: integer({ min: 1, max: 1_000_000 }).default(20_000),
  RATE_LIMIT_ENABLED: flag.default(true),
  RATE_LIMIT_CALLER: allowance.default({ requests: 1_200, seconds: 60 }),
  RATE_LIMIT_SOURCE: allowance.default({ requests: 600, seconds: 60 }),
  RATE_LIMIT_SIGN_IN: allowance.default({ requests: 60, seconds: 60 }),
  EVENTS_MAX_STREAMS: integer({ min: 1, max: 100_000 }).default(2_000),
  EVENTS_MAX_STREAMS_PER_USER: integer({ min: 1, max: 1_000 }).default(10),
  EVENTS_KEPT: integer({ min: 1, max: 1_000_000 }).default(1_000),
});

export const CONFIG = Symbol('CONFIG');
export type Config = ReturnType<typeof loadConfig>;

/** Reads the whole configuration, once. Throws ConfigError with every fault. */
export function loadConfig(env: Record<string, string | undefined> = process.env) {
  return parseEnv(
    ApiEnv.transform((parsed) => ({
      ...commonConfig(parsed),
      http: {
        host: parsed.HTTP_HOST,
        port: parsed.HTTP_PORT,
        trustedProxies: parsed.HTTP_TRUSTED_PROXIES,
        maxInFlight: parsed.HTTP_MAX_IN_FLIGHT,
      },
      auth: {
        target: parsed.AUTH_GRPC_TARGET,
        issuer: parsed.AUTH_ISSUER,
        audience: parsed.AUTH_AUDIENCE,
        tokenCacheSize: parsed.AUTH_TOKEN_CACHE_SIZE,
      },
      limits: {
        enabled: parsed.RATE_LIMIT_ENABLED,
        caller: parsed.RATE_LIMIT_CALLER,
        source: parsed.RATE_LIMIT_SOURCE,
        'sign-in': parsed.RATE_LIMIT_SIGN_IN,
      },
      events: {
        maxStreams: parsed.EVENTS_MAX_STREAMS,
        maxStreamsPerUser: parsed.EVENTS_MAX_STREAMS_PER_USER,
        kept: parsed.EVENTS_KEPT,
      },
    })),
    env,
  );
}

/** Every key that `loadConfig` reads, for the test that keeps README and .env.example complete. */
export const configKeys = Object.keys(ApiEnv.shape);
