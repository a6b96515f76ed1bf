import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { AccountsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/accounts_service';
import { ApiKeysServiceService } from '@capstone/contracts/generated/capstone/auth/v1/api_keys_service';
import { AuditServiceService } from '@capstone/contracts/generated/capstone/auth/v1/audit_service';
import { InvitationsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/invitations_service';
import { KeysServiceService } from '@capstone/contracts/generated/capstone/auth/v1/keys_service';
import { MfaServiceService } from '@capstone/contracts/generated/capstone/auth/v1/mfa_service';
import { RevocationsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/revocations_service';
import { SessionsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/sessions_service';
import { WorkspacesServiceService } from '@capstone/contracts/generated/capstone/auth/v1/workspaces_service';
import {
  createGrpcClient,
  openGrpcChannel,
  type GrpcChannel,
  type GrpcClient,
} from '@capstone/platform/grpc-client';
import { ReloadingTls, type TlsFiles } from '@capstone/platform/tls';
import type { Logger } from '@capstone/platform/log';

/** auth, as its gRPC services. Calls reject with a Problem. */
@Injectable()
export class AuthClient implements OnApplicationShutdown {
  readonly accounts: GrpcClient<typeof AccountsServiceService>;
  readonly mfa: GrpcClient<typeof MfaServiceService>;
  readonly sessions: GrpcClient<typeof SessionsServiceService>;
  readonly workspaces: GrpcClient<typeof WorkspacesServiceService>;
  readonly invitations: GrpcClient<typeof InvitationsServiceService>;
  readonly apiKeys: GrpcClient<typeof ApiKeysServiceService>;
  readonly audit: GrpcClient<typeof AuditServiceService>;
  readonly keys: GrpcClient<typeof KeysServiceService>;
  readonly revocations: GrpcClient<typeof RevocationsServiceService>;

  private constructor(
    private readonly channel: GrpcChannel,
    private readonly tls: ReloadingTls,
  ) {
    this.accounts = createGrpcClient(AccountsServiceService, channel);
    this.mfa = createGrpcClient(MfaServiceService, channel);
    // Refreshing twice within ten seconds gives the same successor, so it may be tried again.
    this.sessions = createGrpcClient(SessionsServiceService, channel, {
      idempotent: ['refresh', 'logout', 'getMe', 'listSessions', 'endOtherSessions'],
    });
    this.workspaces = createGrpcClient(WorkspacesServiceService, channel, {
      idempotent: ['listWorkspaces', 'getWorkspace', 'listMembers', 'changeRole'],
    });
    this.invitations = createGrpcClient(InvitationsServiceService, channel, {
      idempotent: ['listInvitations'],
    });
    this.apiKeys = createGrpcClient(ApiKeysServiceService, channel, {
      idempotent: ['listApiKeys', 'verifyApiKey'],
    });
    this.audit = createGrpcClient(AuditServiceService, channel);
    this.keys = createGrpcClient(KeysServiceService, channel, { idempotent: ['getJwks'] });
    this.revocations = createGrpcClient(RevocationsServiceService, channel, {
      idempotent: ['listRevocations'],
    });
  }

  /** Loads the certificate; connects when first used. Throws TlsMaterialError. */
  static async open(target: string, files: TlsFiles, logger: Logger): Promise<AuthClient> {
    const tls = await ReloadingTls.open(files, { logger });
    return new AuthClient(openGrpcChannel({ target, tls, server: 'auth' }), tls);
  }

  /** A readiness check: fails when the certificate is about to end. */
  get checkCertificate(): () => Promise<void> {
    return this.tls.checkRemainingLife;
  }

  onApplicationShutdown() {
    this.channel.close();
    this.tls.close();
  }
}

/** The person on whose behalf a call is made: auth verifies the token itself, our certificate speaks for nobody. */
export function bearing(authorization: string): { metadata: { authorization: string } } {
  return { metadata: { authorization } };
}
