import { AccountsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/accounts_service';
import { ApiKeysServiceService } from '@capstone/contracts/generated/capstone/auth/v1/api_keys_service';
import { AuditServiceService } from '@capstone/contracts/generated/capstone/auth/v1/audit_service';
import { DeletionsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/deletions_service';
import { InvitationsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/invitations_service';
import { KeysServiceService } from '@capstone/contracts/generated/capstone/auth/v1/keys_service';
import { MfaServiceService } from '@capstone/contracts/generated/capstone/auth/v1/mfa_service';
import { RevocationsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/revocations_service';
import { SessionsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/sessions_service';
import { WorkspacesServiceService } from '@capstone/contracts/generated/capstone/auth/v1/workspaces_service';
import { createGrpcApp } from '@capstone/platform/grpc-app';
import type { Service } from '@capstone/platform/service';
import { AppModule } from './app.module.js';
import type { Config } from './config.js';

const services = [
  AccountsServiceService,
  MfaServiceService,
  SessionsServiceService,
  WorkspacesServiceService,
  InvitationsServiceService,
  ApiKeysServiceService,
  AuditServiceService,
  DeletionsServiceService,
  KeysServiceService,
  RevocationsServiceService,
];

/** From settings to an open port. Tests start the service the same way. */
export async function startAuth(
  service: Service<Config>,
): Promise<{ port: number; close(): Promise<void> }> {
  const app = await createGrpcApp(AppModule, service, { ...service.config.grpc, services });
  return { port: await app.listen(), close: () => app.close() };
}
