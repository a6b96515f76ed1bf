import { readFileSync } from 'node:fs';
import { types } from 'pg';
import type { ClientConfig } from 'pg';

const int8 = 20;
const timestamp = 1114;
const timestamptz = 1184;
const date = 1082;
const int8Array = 1016;
const timestamptzArray = 1185;

/** How one connection to Postgres is opened. Times are in milliseconds; a timeout that is not given is off. */
export interface PostgresOptions {
  readonly url: string;
  readonly caFile?: string | undefined;
  readonly applicationName: string;
  readonly statementTimeoutMs?: number;
  readonly lockTimeoutMs?: number;
  readonly idleInTransactionTimeoutMs?: number;
}

/**
 * The settings of a `pg` client. With a CA file the connection is TLS and the server's chain and name are checked
 * (libpq's verify-full). The URL's own parameters are refused, because pg would let them switch that off.
 */
export function postgresOptions(options: PostgresOptions): ClientConfig {
  const url = new URL(options.url);
  if (url.search) throw new Error('A database URL takes no parameters.');
  return {
    host: url.hostname,
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    ssl: options.caFile ? { ca: readFileSync(options.caFile), rejectUnauthorized: true } : false,
    application_name: options.applicationName,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.lockTimeoutMs,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs,
    // The type parsers below rely on both.
    options: '-c TimeZone=UTC -c DateStyle=ISO',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    types: { getTypeParser },
  };
}

const parsers = new Map<number, (text: string) => unknown>([
  [int8, toSafeInteger],
  [timestamp, String],
  [timestamptz, toIsoInstant],
  [date, String],
  [int8Array, (text) => elements(text).map(toSafeInteger)],
  [timestamptzArray, (text) => elements(text).map(toIsoInstant)],
]);

/**
 * bigint comes as a number and throws beyond 2^53, which no count here reaches. timestamptz comes in the API's own shape,
 * `2026-11-21T02:00:00.123Z`; a column that a cursor compares must be timestamptz(3), or the cut microseconds skip rows.
 */
function getTypeParser(...[oid, format]: Parameters<typeof types.getTypeParser>) {
  return (format !== 'binary' && parsers.get(oid)) || types.getTypeParser(oid, format);
}

function toSafeInteger(text: string) {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('A bigint does not fit a number.');
  return value;
}

const utcInstant = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/;

/** Infinity and years beyond 9999 stay as Postgres writes them. */
function toIsoInstant(text: string) {
  const [, day, time, fraction = ''] = utcInstant.exec(text) ?? [];
  return day ? `${day}T${time}.${fraction.padEnd(3, '0').slice(0, 3)}Z` : text;
}

/** The elements of a one-dimensional array of things that are never quoted or contain commas. */
function elements(text: string) {
  return text === '{}' ? [] : text.slice(1, -1).replaceAll('"', '').split(',');
}
