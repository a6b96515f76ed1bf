import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Tokens } from '@capstone/contracts/auth';
import type { ApiClient } from './api-client.js';

export interface Account {
  readonly email: string;
  readonly password: string;
}

interface Session {
  readonly account: Account | undefined;
  /** Which of the seeded workspaces it is in. */
  readonly workspace: number;
  token: string;
  refreshToken: string;
}

export async function logIn(api: ApiClient, account: Account): Promise<Tokens> {
  const { json } = await api.need([200], 'POST', '/auth/login', { body: account });
  return Tokens.parse(json);
}

/**
 * The sessions that the load takes turns with. They are refreshed at half their tokens' life and handed out on a port of
 * this machine, because k6's virtual users share no memory and a refresh token may be used once.
 */
export class Sessions {
  private server: Server | undefined;
  private readonly stopping = new AbortController();

  private constructor(
    private readonly api: ApiClient,
    private readonly sessions: readonly Session[],
    private readonly lifeSeconds: number,
  ) {}

  /** Logs each account in as often as it takes to have `count` sessions. */
  static async open(api: ApiClient, accounts: readonly Account[], count: number) {
    const sessions: Session[] = [];
    let lifeSeconds = Number.POSITIVE_INFINITY;
    for (let index = 0; index < Math.max(count, accounts.length); index++) {
      const workspace = index % accounts.length;
      const account = accounts[workspace]!;
      const { accessToken, refreshToken, expiresIn } = await logIn(api, account);
      sessions.push({ account, workspace, token: accessToken, refreshToken });
      lifeSeconds = Math.min(lifeSeconds, expiresIn);
    }
    return new Sessions(api, sessions, lifeSeconds);
  }

  /** One token from outside, used as it is for as long as it lasts. */
  static of(api: ApiClient, token: string) {
    const session = { account: undefined, workspace: 0, token, refreshToken: '' };
    return new Sessions(api, [session], Number.POSITIVE_INFINITY);
  }

  get count(): number {
    return this.sessions.length;
  }

  tokenFor(workspace: number): string {
    return this.sessions.find((session) => session.workspace === workspace)!.token;
  }

  /** Starts refreshing and answering; returns the URL that k6 asks. */
  async serve(): Promise<string> {
    this.server = createServer((_request, response) => {
      const body = this.sessions.map(({ token, workspace }) => ({ token, workspace }));
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    });
    const { server } = this;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    if (Number.isFinite(this.lifeSeconds)) {
      this.sessions.forEach((session, index) => void this.keepFresh(session, index));
    }
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  /** Ends the refreshing and logs out, so that no session outlives the run. */
  async close(): Promise<void> {
    this.stopping.abort();
    this.server?.closeAllConnections();
    this.server?.close();
    const own = this.sessions.filter(({ account }) => account !== undefined);
    for (const { token } of own) {
      await this.api.send('POST', '/auth/logout', { token }).catch(() => undefined);
    }
  }

  private async keepFresh(session: Session, index: number): Promise<void> {
    const { signal } = this.stopping;
    // Spread over time, or all refresh in one burst for ever.
    const spread = 0.4 + (0.2 * index) / this.sessions.length;
    while (!signal.aborted) {
      const waited = await delay(this.lifeSeconds * spread * 1000, true, {
        signal,
        ref: false,
      }).catch(() => false);
      if (waited) await this.refresh(session).catch(() => undefined);
    }
  }

  /** A session that cannot be refreshed any more (the target was restarted, say) is opened anew. */
  private async refresh(session: Session): Promise<void> {
    const { refreshToken, account } = session;
    const answer = await this.api.send('POST', '/auth/refresh', { body: { refreshToken } });
    const tokens =
      answer.status === 200 ? Tokens.parse(answer.json) : await logIn(this.api, account!);
    session.token = tokens.accessToken;
    session.refreshToken = tokens.refreshToken;
  }
}
