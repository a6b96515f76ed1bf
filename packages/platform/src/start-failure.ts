import { ConfigError } from './config.js';
import { TlsMaterialError } from './tls.js';

/** A reason not to start, in one sentence that says what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** What to print when a service cannot start: one sentence for what an operator can mend, the error itself for a bug. */
export function startFailure(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  const chain = causesOf(error);
  const spoken = chain.find((one) => one instanceof StartError || one instanceof TlsMaterialError);
  if (spoken) return spoken.message;
  const known = chain.map(sentenceFor).find((sentence) => sentence !== undefined);
  if (known !== undefined) return known;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Everything in an error that may hold the reason: causes, and the parts of an AggregateError. */
function causesOf(error: unknown): Error[] {
  if (!(error instanceof Error)) return [];
  const parts = error instanceof AggregateError ? error.errors : [];
  return [error, ...causesOf(error.cause), ...parts.flatMap(causesOf)];
}

function sentenceFor(error: Error): string | undefined {
  const { code, address, port } = error as NodeJS.ErrnoException & SocketAddress;
  // grpc-js reports a taken port in its message alone.
  const [, taken] = /EADDRINUSE.*? (\S+:\d+)/.exec(error.message) ?? [];
  if (code === undefined && taken !== undefined) return sentences['EADDRINUSE']?.(` ${taken}`);
  const where = port === undefined ? '' : ` ${address}:${port}`;
  return code === undefined ? undefined : sentences[code]?.(where);
}

const nobodyAnswers = (where: string) =>
  `Nothing answers${where && ` at${where}`}. Is it running, and is its URL right?`;
const unknownHost = () =>
  'A host name in the configuration cannot be resolved. Is it spelled right?';
const refusedLogin = () => 'The database refused the user or password in DATABASE_URL.';
const noTables = () => 'The database has no tables of this service. Have the migrations been run?';

interface SocketAddress {
  readonly address?: string;
  readonly port?: number;
}

/** By the code of Node or of Postgres. */
const sentences: Readonly<Record<string, (where: string) => string>> = {
  EADDRINUSE: (where) =>
    `The port${where} is in use. Stop the process that has it, or choose another port.`,
  EACCES: (where) => `The port${where} may not be opened by this user. Choose one above 1023.`,
  EADDRNOTAVAIL: (where) => `This machine does not have the address${where}. Choose one it has.`,
  ECONNREFUSED: nobodyAnswers,
  ETIMEDOUT: nobodyAnswers,
  EHOSTUNREACH: nobodyAnswers,
  ENOTFOUND: unknownHost,
  EAI_AGAIN: unknownHost,
  '28P01': refusedLogin,
  '28000': refusedLogin,
  '3D000': () => 'The database named in DATABASE_URL does not exist. Has it been provisioned?',
  '42P01': noTables,
  '3F000': noTables,
};
