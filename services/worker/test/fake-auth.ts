import { readFileSync } from 'node:fs';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import {
  DeletionsServiceService,
  type DeletionsServiceServer,
} from '@capstone/contracts/generated/capstone/auth/v1/deletions_service';
import { certificateFor } from '@capstone/testing/certs';

/** Speaks auth's contract from memory: which workspaces are due, and which were completed. */
export class FakeAuth {
  readonly due = new Set<string>();
  readonly completed: string[] = [];
  private readonly server = new Server();
  private port = 0;

  static async start(): Promise<FakeAuth> {
    const auth = new FakeAuth();
    await auth.listen();
    return auth;
  }

  get target(): string {
    return `localhost:${this.port}`;
  }

  stop(): void {
    this.server.forceShutdown();
  }

  private async listen() {
    this.server.addService(DeletionsServiceService, {
      getDeletion: ({ request }, callback) =>
        callback(null, { due: this.due.has(request.workspaceId) }),
      completeDeletion: ({ request }, callback) => {
        this.completed.push(request.workspaceId);
        callback(null, {});
      },
    } satisfies DeletionsServiceServer);
    const { caFile, certFile, keyFile } = certificateFor('auth');
    const pair = { private_key: readFileSync(keyFile), cert_chain: readFileSync(certFile) };
    const credentials = ServerCredentials.createSsl(readFileSync(caFile), [pair], true);
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync('localhost:0', credentials, (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  }
}
