export type { Logger } from '@capstone/platform/log';

/** The process's logger. */
export const LOGGER = Symbol('LOGGER');
