import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

/** The system under test cannot be reached, or answered something else than the contract says. */
export class ApiError extends Error {}

const requestTimeoutMs = 60_000;
const signInTimeoutMs = 15_000;

/** A user and a workspace of its own, made for one evaluation through the public API. */
export class ApiClient {
  private token = '';

  private constructor(
    private readonly baseUrl: string,
    private readonly credentials: { email: string; password: string },
  ) {}

  /** `baseUrl` ends in /api/v1. */
  static async register(baseUrl: string): Promise<ApiClient> {
    const email = `eval.${randomBytes(8).toString('hex')}@example.com`;
    const client = new ApiClient(baseUrl, { email, password: randomBytes(24).toString('base64') });
    await client.send('POST', '/auth/register', client.credentials);
    await client.signIn();
    return client;
  }

  /** A body of JSON. Waits where it is told to, and signs in again when its token has ended. */
  async request<Body>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: object,
  ): Promise<Body> {
    const response = await this.send(method, path, body);
    if (response.status !== 401) return bodyOf<Body>(response, `${method} ${path}`);
    await response.body?.cancel();
    await this.signIn();
    return bodyOf<Body>(await this.send(method, path, body), `${method} ${path}`);
  }

  private async signIn(): Promise<void> {
    // A registration is accepted before it is done.
    const deadline = Date.now() + signInTimeoutMs;
    for (;;) {
      const response = await this.send('POST', '/auth/login', this.credentials);
      if (response.ok || Date.now() > deadline) {
        const { accessToken } = await bodyOf<{ accessToken: string }>(response, 'POST /auth/login');
        this.token = accessToken;
        return;
      }
      await response.body?.cancel();
      await delay(200);
    }
  }

  private async send(method: string, path: string, body?: object): Promise<Response> {
    for (;;) {
      const response = await this.fetch(method, path, body);
      const waitSeconds = Number(response.headers.get('retry-after'));
      const mayPass = response.status === 429 || response.status === 503;
      if (!mayPass || !(waitSeconds > 0)) return response;
      await response.body?.cancel();
      await delay(waitSeconds * 1_000);
    }
  }

  private async fetch(method: string, path: string, body?: object): Promise<Response> {
    try {
      return await fetch(this.baseUrl + path, {
        method,
        headers: {
          ...(this.token !== '' && { authorization: `Bearer ${this.token}` }),
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(requestTimeoutMs),
      });
    } catch (cause) {
      throw new ApiError(`${this.baseUrl} cannot be reached: is the system running?`, { cause });
    }
  }
}

async function bodyOf<Body>(response: Response, call: string): Promise<Body> {
  const text = await response.text();
  if (!response.ok)
    throw new ApiError(`${call} answered ${response.status}: ${text.slice(0, 500)}`);
  return (text === '' ? undefined : JSON.parse(text)) as Body;
}
