import { DatabaseError } from 'pg';
import { dbErrors } from './metrics.js';
import { Problem } from './problem.js';

/** A unique, foreign key, check or exclusion constraint refused a write. Carries its name and none of the values. */
export class ConstraintViolation extends Error {
  constructor(
    readonly constraint: string,
    readonly sqlState: string,
  ) {
    super(`Constraint ${constraint} refused the write`);
    this.name = 'ConstraintViolation';
  }
}

/** True where `error` is the refusal of exactly this constraint. */
export function isConstraintViolation(error: unknown, constraint: string): boolean {
  return error instanceof ConstraintViolation && error.constraint === constraint;
}

/** A statement that Postgres refused for a reason no caller can mend: a fault of ours. Holds no parameter values. */
export class QueryError extends Error {
  constructor(
    readonly query: string,
    readonly sqlState: string,
    message: string,
  ) {
    super(`Query ${query} failed with ${sqlState}: ${message}`);
    this.name = 'QueryError';
  }
}

/** The transaction lost against another one and nothing of it remains; running it again may succeed. */
export class SerializationFailure extends Error {
  constructor(readonly sqlState: string) {
    super(`The transaction was rolled back by Postgres (${sqlState})`);
    this.name = 'SerializationFailure';
  }
}

const constraintStates = new Set(['23503', '23505', '23514', '23P01']);
const serializationStates = new Set(['40001', '40P01']);
/** Shut down, crashed, starting up, out of connections, or terminated while idle in a transaction. */
const lostStates = /^(08...|57P0[1-5]|53300|25P03)$/;

/**
 * What callers meet instead of pg's errors, whose `detail` and `where` quote rows. `query` names the statement.
 * SQLSTATE codes: Postgres documentation, appendix A.
 */
export function translateDatabaseError(error: unknown, query: string): unknown {
  if (!(error instanceof DatabaseError)) {
    dbErrors.inc({ class: 'connection' });
    return isConnectionLoss(error) ? unavailable(error) : error;
  }
  const state = error.code ?? 'XX000';
  dbErrors.inc({ class: state.slice(0, 2) });
  if (constraintStates.has(state)) return new ConstraintViolation(error.constraint ?? '', state);
  if (serializationStates.has(state)) return new SerializationFailure(state);
  if (state === '57014') return new Problem('deadline-exceeded', { cause: named(query, state) });
  if (state === '55P03') return new Problem('overloaded', { cause: named(query, state) });
  if (lostStates.test(state)) return unavailable(named(query, state));
  return new QueryError(query, state, error.message);
}

/** For an attempt to connect, where every failure means the same to a caller. */
export function unavailable(cause: unknown) {
  return new Problem('dependency-unavailable', { cause });
}

/**
 * True where the connection itself is no longer fit: the server turned read-only after a fail-over (25006), or a prepared
 * statement is missing or outdated (26000; 0A000 "cached plan must not change result type" after a migration).
 */
export function mustEvict(error: unknown): boolean {
  return error instanceof QueryError && ['25006', '26000', '0A000'].includes(error.sqlState);
}

/** pg has no class for these: a system error by its code, and its own by their text (8.23, lib/client.js). */
function isConnectionLoss(error: unknown) {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return /^E[A-Z]+$/.test(code) || /^Connection |not queryable$/.test(error.message);
}

function named(query: string, state: string) {
  return new Error(`Query ${query} ended with ${state}`);
}
