import { NestFactory } from '@nestjs/core';
import type { DynamicModule, Type } from '@nestjs/common';
import { startAdminServer } from './admin-server.js';
import type { CommonConfig } from './config.js';
import { Health } from './health.js';
import { NestLog, createLogger } from './log.js';
import type { Logger } from './log.js';
import { startProcessMetrics } from './process-metrics.js';
import { rootModule } from './service.js';
import type { Service } from './service.js';
import { startFailure } from './start-failure.js';
import { startTracing } from './tracing.js';

/** Something that runs until it is closed. */
export interface Running {
  close(): Promise<void>;
}

export interface RunOptions<Config extends CommonConfig> {
  readonly name: string;
  readonly version?: string;
  readonly loadConfig: () => Config;
  /** Brings the service up. It gets traffic once this has resolved. */
  readonly start: (service: Service<Config>) => Promise<Running>;
}

/**
 * The life of a process, which is all that a main.ts does: settings, log, traces, admin port, start, ready; then on
 * SIGTERM or SIGINT not ready, drain, flush, exit 0. A start that fails prints one sentence and exits 1.
 */
export async function runService<Config extends CommonConfig>(
  options: RunOptions<Config>,
): Promise<void> {
  const closers: (() => Promise<void>)[] = [];
  try {
    const config = options.loadConfig();
    const logger = createLogger({ service: options.name, level: config.log.level });
    exitOnFaults(logger);
    const stopping = new AbortController();
    const health = new Health({ onChange: reportTo(logger) });
    const service = { name: options.name, config, logger, health, stopping: stopping.signal };
    exitOnSignals(logger, config.shutdownTimeoutMs, async () => {
      health.close();
      stopping.abort();
      for (const close of closers.toReversed()) await close();
    });

    const { version = config.build.version } = options;
    const tracing = await startTracing({ service: options.name, version, ...config.tracing });
    closers.push(() => tracing.shutdown());
    startProcessMetrics({ service: options.name, version, commit: config.build.commit });
    const admin = await startAdminServer({
      ...config.admin,
      health,
      logger,
      recentSpans: tracing.recent,
    });
    closers.push(() => admin.close());

    const running = await options.start(service);
    closers.push(() => running.close());
    health.open();
    logger.info({ adminPort: admin.port }, 'ready');
  } catch (error) {
    process.stderr.write(`${options.name} did not start: ${startFailure(error)}\n`);
    process.exit(1);
  }
}

/** A process without a door: only the modules, closed through their shutdown hooks. */
export async function createWorkerApp(
  appModule: Type | DynamicModule,
  service: Service,
): Promise<Running> {
  return NestFactory.createApplicationContext(rootModule(service, appModule), {
    logger: new NestLog(service.logger),
    abortOnError: false,
  });
}

/** Nest's own shutdown hooks stay off: they raise the signal again when done, and every listener would run twice. */
function exitOnSignals(logger: Logger, timeoutMs: number, stop: () => Promise<void>): void {
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (isStopping) return;
    isStopping = true;
    logger.info({ signal }, 'stopping');
    const timer = setTimeout(() => {
      logger.error({ timeoutMs }, 'did not stop in time');
      process.exit(1);
    }, timeoutMs);
    stop().then(
      () => {
        clearTimeout(timer);
        logger.info('stopped');
        process.exit(0);
      },
      (error: unknown) => {
        logger.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** After a fault that nobody caught the state is unknown: say so and go, the orchestrator starts a clean process. */
function exitOnFaults(logger: Logger): void {
  const die = (err: unknown, message: string) => {
    logger.fatal({ err }, message);
    process.exit(1);
  };
  process.on('uncaughtException', (error) => die(error, 'uncaught exception'));
  process.on('unhandledRejection', (reason) => die(reason, 'unhandled rejection'));
}

function reportTo(logger: Logger) {
  return (check: string, outcome: 'ok' | 'failing', reason?: unknown) => {
    if (outcome === 'ok') logger.info({ check }, 'readiness check passes again');
    else logger.warn({ check, err: reason }, 'readiness check fails');
  };
}
