import { freshSignInSeconds } from '@capstone/contracts/auth';
import { problems } from '@capstone/contracts/problems';
import type { ProblemCode } from '@capstone/contracts/problems';
import type { ProblemDocument } from '@capstone/contracts/problem-document';

export interface ProblemFault {
  /** RFC 6901. */
  readonly pointer: string;
  readonly detail: string;
}

export interface ProblemOptions {
  /** For the client's eyes: what is wrong with this request. Never text from inside. */
  readonly detail?: string | undefined;
  readonly errors?: readonly ProblemFault[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
  /** More response headers, such as WWW-Authenticate or Allow. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly cause?: unknown;
}

/** RFC 9110 section 15.5.2: a 401 says what would do. The errors are those of RFC 6750 and RFC 9470. */
const challenges: Partial<Record<ProblemCode, string>> = {
  'token-missing': 'Bearer',
  'token-invalid': 'Bearer error="invalid_token"',
  'step-up-required': `Bearer error="insufficient_user_authentication", max_age="${freshSignInSeconds}"`,
};

/** What a Standard Schema says is wrong; zod adds the names of unknown keys. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The media type of every error body (RFC 9457). */
export const problemContentType = 'application/problem+json; charset=utf-8';

/**
 * An expected outcome that ends a use case, named by its code in the catalogue. The edges (HTTP, gRPC, queue) translate
 * it; anything else that is thrown is a bug and shows as `internal`.
 */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly detail: string | undefined;
  readonly errors: readonly ProblemFault[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    super(`${code}: ${options.detail ?? problems[code].title}`, { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers;
  }

  get status(): number {
    return problems[this.code].status;
  }

  /** True where the same request may succeed later without being changed. */
  get retryable(): boolean {
    return problems[this.code].retryable;
  }

  /** The body of the error answer. */
  toDocument(about: {
    instance?: string | undefined;
    traceId?: string | undefined;
  }): ProblemDocument {
    const { status, title } = problems[this.code];
    return {
      type: `urn:capstone:problem:${this.code}`,
      title,
      status,
      ...(this.detail !== undefined && { detail: this.detail }),
      ...(about.instance !== undefined && { instance: about.instance }),
      code: this.code,
      ...(about.traceId !== undefined && { traceId: about.traceId }),
      ...(this.errors && { errors: [...this.errors] }),
    };
  }

  /** Everything the answer needs besides its body: content type, Retry-After, and the problem's own headers. */
  toHeaders(): Record<string, string> {
    const { retryAfterSeconds } = this;
    const challenge = challenges[this.code];
    return {
      ...(challenge && { 'www-authenticate': challenge }),
      ...this.headers,
      'content-type': problemContentType,
      ...(retryAfterSeconds !== undefined && {
        'retry-after': String(Math.max(1, Math.ceil(retryAfterSeconds))),
      }),
    };
  }
}

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(problems, code);
}

/** For Nest's StandardSchemaValidationPipe: every fault with its pointer, unknown fields each at their own. */
export function validationExceptionFactory(issues: readonly SchemaIssue[]): Problem {
  return new Problem('validation-failed', {
    errors: issues.flatMap(toFaults).slice(0, mostFaults),
  });
}

/** RFC 6901 §3: "~" and "/" are escaped inside a reference token. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path
    .map(
      (key) => `/${String(key).slice(0, longestKey).replaceAll('~', '~0').replaceAll('/', '~1')}`,
    )
    .join('');
}

// A client chooses how many faults there are and how long its unknown names; the answer stays small.
const mostFaults = 50;
const longestKey = 100;

function toFaults(issue: SchemaIssue): ProblemFault[] {
  const path = (issue.path ?? []).map((part) => (typeof part === 'object' ? part.key : part));
  const unknownKeys = unknownKeysOf(issue);
  if (!unknownKeys) return [{ pointer: jsonPointer(path), detail: issue.message }];
  return unknownKeys.map((key) => ({
    pointer: jsonPointer([...path, key]),
    detail: 'This field is not known here',
  }));
}

/** zod 4 reports all unknown keys of an object as one issue at the object. */
function unknownKeysOf(issue: SchemaIssue & { code?: unknown; keys?: unknown }) {
  if (issue.code !== 'unrecognized_keys' || !Array.isArray(issue.keys)) return undefined;
  return issue.keys.slice(0, mostFaults).map(String);
}
