import { OperatorError } from './operator-error.js';

export interface ApiRequest {
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, unless it is a form or text already. */
  readonly body?: unknown;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; undefined where it is not. */
  readonly json: unknown;
}

const timeoutMs = 30_000;

/** How the limits of the local stack are raised; said wherever a 429 is met. */
export const raiseLimits =
  'start the target with RATE_LIMIT_CALLER, RATE_LIMIT_SOURCE and RATE_LIMIT_SIGN_IN at 1000000/1 (load-tests/README.md, "Settings of the target")';

/** The public API as any client sees it. Answers of any status are answers; only silence throws. */
export class ApiClient {
  readonly apiUrl: string;

  constructor(readonly origin: string) {
    this.apiUrl = `${origin}/api/v1`;
  }

  /** `path` below /api/v1; one that begins with `//` is below the root instead. */
  async send(method: string, path: string, request: ApiRequest = {}): Promise<ApiAnswer> {
    const url = path.startsWith('//') ? this.origin + path.slice(1) : this.apiUrl + path;
    const response = await this.reach(url, { method, ...initOf(request) });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parsed(text) };
  }

  /** For steps that must work for the rest to mean anything: throws OperatorError with what came instead. */
  async need(
    expected: readonly number[],
    method: string,
    path: string,
    request: ApiRequest = {},
  ): Promise<ApiAnswer> {
    const answer = await this.send(method, path, request);
    if (expected.includes(answer.status)) return answer;
    if (answer.status === 429) {
      throw new OperatorError(`${method} ${path} met a rate limit (429): ${raiseLimits}.`);
    }
    throw new OperatorError(`${method} ${path} answered ${describe(answer)}.`);
  }

  private async reach(url: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, {
        ...init,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const reason = (cause as { code?: string }).code ?? String(cause);
      throw new OperatorError(`${url} cannot be reached (${reason}): is the system running?`, {
        cause: error,
      });
    }
  }
}

/** The status, with the code and the detail of the problem document where there is one. */
export function describe({ status, json }: ApiAnswer): string {
  const { code, detail } = (json ?? {}) as { code?: string; detail?: string };
  return [String(status), code, detail].filter((part) => part !== undefined).join(' ');
}

function initOf({ token, headers, body }: ApiRequest): RequestInit {
  const isRaw = body === undefined || typeof body === 'string' || body instanceof FormData;
  return {
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(isRaw ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
