import { z } from 'zod';
import {
  allowance,
  commonConfig,
  commonEnv,
  flag,
  integer,
  parseEnv,
  port,
} from '@capstone/platform/config';

export type Allowed = z.output<typeof allowance>;

/** `10.0.0.0/8,fd00::/8`: where our own proxies are. Nobody else's forwarding headers are believed. */
const networks = z
  .string()
  .transform((text) => text.split(',').map((network) => network.trim()))
  .pipe(z.array(z.union([z.cidrv4(), z.cidrv6()])));

/** `https://app.example.com,https://admin.example.com`: pages that may keep a session in a cookie. */
const origins = z
  .string()
  .transform((text) => text.split(',').map((origin) => origin.trim()))
  .pipe(
    z.array(z.string().refine((text) => URL.parse(text)?.origin === text, 'must be an origin')),
  );

const ApiEnv = z.object({
  ...commonEnv,
  ADMIN_PORT: port.default(9080),
  HTTP_HOST: z.string().default('127.0.0.1'),
  HTTP_PORT: port.default(8080),
  HTTP_TRUSTED_PROXY_HOPS: integer({ min: 0, max: 10 }).default(0),
  HTTP_TRUSTED_PROXY_NETWORKS: networks.default([]),
  HTTP_BROWSER_ORIGINS: origins.default([]),
  HTTP_MAX_IN_FLIGHT: integer({ min: 1, max: 100_000 }).default(1_000),
  HTTP_MAX_EVENT_LOOP_DELAY_MS: integer({ min: 10, max: 60_000 }).default(500),
  HTTP_LOG_REQUESTS: flag.default(true),
  AUTH_GRPC_TARGET: z.string().min(1).default('localhost:7070'),
  AUTH_ISSUER: z.url().default('https://auth.capstone.internal'),
  AUTH_AUDIENCE: z.string().min(1).default('capstone-api'),
  AUTH_TOKEN_CACHE_SIZE: integer({ min: 1, max: 1_000_000 }).default(20_000),
  RATE_LIMIT_CALLER: allowance.default({ requests: 1_200, seconds: 60 }),
  RATE_LIMIT_SOURCE: allowance.default({ requests: 600, seconds: 60 }),
  RATE_LIMIT_SIGN_IN: allowance.default({ requests: 60, seconds: 60 }),
  RATE_LIMIT_REPLICAS: integer({ min: 1, max: 1_000 }).default(1),
  DOCUMENTS_MAX_FILE_BYTES: integer({ min: 1, max: 1_000_000_000 }).default(26_214_400),
  EVENTS_MAX_STREAMS: integer({ min: 1, max: 100_000 }).default(2_000),
  EVENTS_MAX_STREAMS_PER_USER: integer({ min: 1, max: 1_000 }).default(10),
  EVENTS_KEPT: integer({ min: 1, max: 1_000_000 }).default(1_000),
  EVENTS_KEPT_SECONDS: integer({ min: 1, max: 31_536_000 }).default(86_400),
  ASK_PROVIDER: z.enum(['extractive', 'openai', 'anthropic']).default('extractive'),
  ASK_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  ASK_MODEL: z.string().min(1).optional(),
  ASK_API_KEY: z.string().min(1).optional(),
  ASK_MAX_OUTPUT_TOKENS: integer({ min: 16, max: 32_768 }).default(1_024),
  ASK_TIMEOUT_MS: integer({ min: 1_000, max: 600_000 }).default(60_000),
  ASK_MAX_CONCURRENT: integer({ min: 1, max: 10_000 }).default(100),
  ASK_TOKENS_PER_DAY: integer({ min: 0, max: 1_000_000_000 }).default(1_000_000),
});

export type Config = ReturnType<typeof loadConfig>;

/** Reads the whole configuration, once. Throws ConfigError with every fault. */
export function loadConfig(env: Record<string, string | undefined> = process.env) {
  return parseEnv(
    ApiEnv.superRefine(requireModel).transform((parsed) => ({
      ...commonConfig(parsed),
      http: {
        host: parsed.HTTP_HOST,
        port: parsed.HTTP_PORT,
        trustedProxies: {
          hops: parsed.HTTP_TRUSTED_PROXY_HOPS,
          networks: parsed.HTTP_TRUSTED_PROXY_NETWORKS,
        },
        browserOrigins: parsed.HTTP_BROWSER_ORIGINS,
        maxInFlight: parsed.HTTP_MAX_IN_FLIGHT,
        maxEventLoopDelayMs: parsed.HTTP_MAX_EVENT_LOOP_DELAY_MS,
        logRequests: parsed.HTTP_LOG_REQUESTS,
      },
      auth: {
        target: parsed.AUTH_GRPC_TARGET,
        issuer: parsed.AUTH_ISSUER,
        audience: parsed.AUTH_AUDIENCE,
        tokenCacheSize: parsed.AUTH_TOKEN_CACHE_SIZE,
      },
      limits: {
        caller: parsed.RATE_LIMIT_CALLER,
        source: parsed.RATE_LIMIT_SOURCE,
        'sign-in': parsed.RATE_LIMIT_SIGN_IN,
        replicas: parsed.RATE_LIMIT_REPLICAS,
      },
      documents: { maxFileBytes: parsed.DOCUMENTS_MAX_FILE_BYTES },
      events: {
        maxStreams: parsed.EVENTS_MAX_STREAMS,
        maxStreamsPerUser: parsed.EVENTS_MAX_STREAMS_PER_USER,
        kept: parsed.EVENTS_KEPT,
        keptSeconds: parsed.EVENTS_KEPT_SECONDS,
      },
      ask: {
        model: modelOf(parsed),
        timeoutMs: parsed.ASK_TIMEOUT_MS,
        maxConcurrent: parsed.ASK_MAX_CONCURRENT,
        tokensPerDay: parsed.ASK_TOKENS_PER_DAY,
      },
    })),
    env,
  );
}

type Parsed = z.output<typeof ApiEnv>;

function requireModel(parsed: Parsed, faults: z.RefinementCtx): void {
  const { ASK_PROVIDER: provider, ASK_MODEL: model, ASK_API_KEY: key } = parsed;
  const need = (name: string) =>
    faults.addIssue({ code: 'custom', path: [name], message: `is needed for ${provider}` });
  if (provider !== 'extractive' && model === undefined) need('ASK_MODEL');
  if (provider === 'anthropic' && key === undefined) need('ASK_API_KEY');
}

const publicUrls = { openai: 'https://api.openai.com/v1', anthropic: 'https://api.anthropic.com' };

/** Undefined: nobody is asked, and nothing leaves this machine. */
function modelOf(parsed: Parsed) {
  const { ASK_PROVIDER: provider, ASK_MODEL: model = '', ASK_API_KEY: apiKey } = parsed;
  if (provider === 'extractive') return undefined;
  return {
    provider,
    model,
    apiKey,
    baseUrl: parsed.ASK_BASE_URL ?? publicUrls[provider],
    maxOutputTokens: parsed.ASK_MAX_OUTPUT_TOKENS,
    timeoutMs: parsed.ASK_TIMEOUT_MS,
  };
}

/** Every key that `loadConfig` reads, for the test that keeps README and .env.example complete. */
export const configKeys = Object.keys(ApiEnv.shape);
