import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { DeletionsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/deletions_service';
import {
  createGrpcClient,
  openGrpcChannel,
  type GrpcChannel,
  type GrpcClient,
} from '@capstone/platform/grpc-client';
import type { Logger } from '@capstone/platform/log';
import { ReloadingTls, type TlsFiles } from '@capstone/platform/tls';

/** auth, as far as the worker may call it. Calls reject with a Problem. */
@Injectable()
export class AuthClient implements OnApplicationShutdown {
  readonly deletions: GrpcClient<typeof DeletionsServiceService>;

  private constructor(
    private readonly channel: GrpcChannel,
    private readonly tls: ReloadingTls,
  ) {
    this.deletions = createGrpcClient(DeletionsServiceService, channel, {
      idempotent: ['getDeletion', 'completeDeletion'],
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
