import type { Logger } from './log.js';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof logLevels)[number];

/** The level asked for, or undefined when it is none. */
export function parseLogLevel(text: string): LogLevel | undefined {
  return logLevels.find((level) => level === text.trim());
}

/** Changes what is logged from now on. Says so at a level that is always on. */
export function setLogLevel(logger: Logger, level: LogLevel): void {
  const before = logger.level;
  logger.level = level;
  logger[level === 'fatal' ? 'fatal' : 'error']({ before, level }, 'log level changed');
}
