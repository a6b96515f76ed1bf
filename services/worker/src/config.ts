import { z } from 'zod';
import { commonConfig, commonEnv, integer, parseEnv, port } from '@capstone/platform/config';

const WorkerEnv = z.object({
  ...commonEnv,
  ADMIN_PORT: port.default(9082),
  AUTH_GRPC_TARGET: z.string().min(1).default('localhost:7070'),
  INGESTION_CONCURRENCY: integer({ min: 1, max: 64 }).default(4),
  INGESTION_LEASE_MS: integer({ min: 300, max: 600_000 }).default(15_000),
  INGESTION_MAX_ATTEMPTS: integer({ min: 1, max: 100 }).default(12),
  INGESTION_PARSE_TIMEOUT_MS: integer({ min: 100, max: 600_000 }).default(60_000),
  INGESTION_PARSE_MEMORY_MB: integer({ min: 64, max: 8_192 }).default(512),
  REAPER_INTERVAL_MS: integer({ min: 50, max: 600_000 }).default(5_000),
  REAPER_GRACE_MS: integer({ min: 0, max: 600_000 }).default(10_000),
});

export type Config = ReturnType<typeof loadConfig>;

/** Reads the whole configuration, once. Throws ConfigError with every fault. */
export function loadConfig(env: Record<string, string | undefined> = process.env) {
  return parseEnv(
    WorkerEnv.transform((parsed) => ({
      ...commonConfig(parsed),
      auth: { target: parsed.AUTH_GRPC_TARGET },
      ingestion: {
        concurrency: parsed.INGESTION_CONCURRENCY,
        leaseMs: parsed.INGESTION_LEASE_MS,
        maxAttempts: parsed.INGESTION_MAX_ATTEMPTS,
        parser: {
          timeoutMs: parsed.INGESTION_PARSE_TIMEOUT_MS,
          memoryMb: parsed.INGESTION_PARSE_MEMORY_MB,
        },
      },
      reaper: { intervalMs: parsed.REAPER_INTERVAL_MS, graceMs: parsed.REAPER_GRACE_MS },
    })),
    env,
  );
}

/** Every key that `loadConfig` reads, for the test that keeps README and .env.example complete. */
export const configKeys = Object.keys(WorkerEnv.shape);
