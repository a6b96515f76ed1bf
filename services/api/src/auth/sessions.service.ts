import { Injectable } from '@nestjs/common';
import type { Tokens } from '@capstone/contracts/auth';
import type { Source } from '@capstone/contracts/generated/capstone/auth/v1/tokens';
import { SessionList } from '@capstone/contracts/sessions';
import { AuthClient, bearing } from '../identity/auth-client.js';
import { toTokens } from './auth.service.js';

/** A person's own sessions. auth verifies the token itself: our certificate speaks for nobody. */
@Injectable()
export class SessionsService {
  constructor(private readonly client: AuthClient) {}

  async list(authorization: string): Promise<SessionList> {
    const { sessions } = await this.client.sessions.listSessions({}, bearing(authorization));
    const items = sessions.map(({ workspaceId, workspaceName, ...session }) => ({
      ...session,
      workspace: { id: workspaceId, name: workspaceName },
      address: session.address ?? null,
      userAgent: session.userAgent ?? null,
    }));
    return SessionList.parse({ items });
  }

  async end(authorization: string, sessionId: string): Promise<void> {
    await this.client.sessions.endSession({ sessionId }, bearing(authorization));
  }

  async endOthers(authorization: string): Promise<void> {
    await this.client.sessions.endOtherSessions({}, bearing(authorization));
  }

  async switchTo(authorization: string, source: Source, workspaceId: string): Promise<Tokens> {
    const { tokens } = await this.client.sessions.switchWorkspace(
      { workspaceId, source },
      bearing(authorization),
    );
    return toTokens(tokens);
  }
}
