import { randomBytes } from 'node:crypto';
import type { Document } from '@capstone/contracts/documents';
import { describe, type ApiAnswer, type ApiClient, type ApiRequest } from '../api-client.js';
import { logIn, type Account } from '../sessions.js';

/** One of the roadmap's milestones, by its number. */
export type Milestone = 1 | 2 | 3;

/** One item of a milestone that any implementation of the API can be asked for over HTTP. */
export interface Probe {
  readonly milestone: Milestone;
  readonly item: string;
  /** The tests and files of this repository that prove it more thoroughly. */
  readonly proof: readonly string[];
  /** Says what was seen or throws a `Missed` with what came instead. Absent where only a test can look. */
  readonly run?: (world: World) => Promise<string>;
}

/** Two strangers and a document of the first, made afresh for each scorecard. */
export interface World {
  readonly api: ApiClient;
  readonly ada: Person;
  readonly bob: Person;
  /** Undefined while no upload has become ready: what needs it fails by saying so. */
  readonly document: Document | undefined;
  readonly adminUrls: Readonly<Record<string, string>>;
  /** host:port of the service behind the public one, where it can be reached at all. */
  readonly grpcAddress: string | undefined;
}

/** An expectation of the contract that the target did not meet. */
export class Missed extends Error {
  override readonly name = 'Missed';
}

/** Someone with an account and a workspace of their own. */
export class Person {
  private constructor(
    private readonly api: ApiClient,
    readonly account: Account,
    readonly token: string,
    readonly refreshToken: string,
    readonly expiresInSeconds: number,
  ) {}

  static async register(api: ApiClient, name: string): Promise<Person> {
    const account = {
      email: `${name}.${randomBytes(6).toString('hex')}@example.com`,
      password: randomBytes(18).toString('base64url'),
    };
    await api.need([202], 'POST', '/auth/register', { body: { ...account, name } });
    return Person.signIn(api, account);
  }

  static async signIn(api: ApiClient, account: Account): Promise<Person> {
    const { accessToken, refreshToken, expiresIn } = await logIn(api, account);
    return new Person(api, account, accessToken, refreshToken, expiresIn);
  }

  send(method: string, path: string, request: Omit<ApiRequest, 'token'> = {}): Promise<ApiAnswer> {
    return this.api.send(method, path, { ...request, token: this.token });
  }

  /** Throws `Missed` unless the answer has this status. */
  async expect(
    status: number,
    method: string,
    path: string,
    request: Omit<ApiRequest, 'token'> = {},
  ): Promise<ApiAnswer> {
    return expectStatus(status, `${method} ${path}`, await this.send(method, path, request));
  }
}

export function expectStatus(status: number, what: string, answer: ApiAnswer): ApiAnswer {
  if (answer.status === status) return answer;
  throw new Missed(`${what} answered ${describe(answer)}, not ${status}`);
}

export function check(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Missed(otherwise);
}
