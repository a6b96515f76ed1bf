import { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import {
  SignJWT,
  exportJWK,
  generateKeyPair,
  type CryptoKey,
  type JWK,
  type JWTPayload,
} from 'jose';
import { v4 as uuid, v7 as uuidv7 } from 'uuid';
import {
  AccountsServiceService,
  type AccountsServiceServer,
} from '@capstone/contracts/generated/capstone/auth/v1/accounts_service';
import { ApiKeysServiceService } from '@capstone/contracts/generated/capstone/auth/v1/api_keys_service';
import { AuditServiceService } from '@capstone/contracts/generated/capstone/auth/v1/audit_service';
import { InvitationsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/invitations_service';
import {
  KeysServiceService,
  type KeysServiceServer,
} from '@capstone/contracts/generated/capstone/auth/v1/keys_service';
import {
  MfaServiceService,
  type MfaServiceServer,
} from '@capstone/contracts/generated/capstone/auth/v1/mfa_service';
import {
  RevocationsServiceService,
  type RevocationsServiceServer,
} from '@capstone/contracts/generated/capstone/auth/v1/revocations_service';
import {
  SessionsServiceService,
  type SessionsServiceServer,
} from '@capstone/contracts/generated/capstone/auth/v1/sessions_service';
import { WorkspacesServiceService } from '@capstone/contracts/generated/capstone/auth/v1/workspaces_service';
import { rolePermissions, type Role } from '@capstone/contracts/permissions';
import { Problem } from '@capstone/platform/problem';
import { toGrpcStatus } from '@capstone/platform/problem-grpc.filter';
import { certificateFor } from '@capstone/testing/certs';

export const issuer = 'https://auth.capstone.internal';
export const audience = 'capstone-api';
export const knownSession = '01920000-0000-7000-8000-00000000005e';
export const rightPassword = 'correct horse battery';

/** Speaks auth's contract from memory: one signing key, a few revocations, and a count of what it was asked. */
export class FakeAuth {
  readonly calls: Record<string, number> = {};
  readonly requests: unknown[] = [];
  /** They come by themselves and late, so not among the requests. */
  readonly denials: unknown[] = [];
  readonly revocations: { kind: string; id: string; revokedAtMs: number; epoch?: number }[] = [];
  /** What a test lets a method say; without it the answer is empty. */
  readonly answers: Record<string, (request: never) => object> = {};
  port = 0;
  private readonly server = new Server();

  private constructor(private key: SigningKey) {}

  static async start(): Promise<FakeAuth> {
    const auth = new FakeAuth(await generateKey());
    await auth.listen();
    return auth;
  }

  get keyId(): string {
    return this.key.kid;
  }

  get publicJwk(): JWK {
    return this.key.publicJwk;
  }

  /** From now on another key signs, and is the only one published. */
  async replaceKey(): Promise<void> {
    this.key = await generateKey();
  }

  async stop(): Promise<void> {
    this.server.forceShutdown();
  }

  /** For tokens that no library would make. */
  get privateKeyObject(): KeyObject {
    return KeyObject.from(this.key.privateKey);
  }

  /** What a good token says, with ids of its own. */
  goodClaims() {
    const now = Math.floor(Date.now() / 1000);
    return {
      iss: issuer,
      aud: audience,
      sub: uuidv7(),
      sid: uuidv7(),
      wid: uuidv7(),
      role: 'owner',
      epoch: 1,
      scope: rolePermissions.owner.join(' '),
      aal: 1,
      auth_time: now,
      client_id: 'capstone',
      jti: uuidv7(),
      iat: now,
      exp: now + 300,
    };
  }

  /** An access token; `claims` and `header` replace what a good one says. */
  sign(claims: JWTPayload = {}, header: Record<string, unknown> = {}, key = this.key.privateKey) {
    const protectedHeader = { alg: 'ES256', typ: 'at+jwt', kid: this.keyId, ...header };
    return new SignJWT({ ...this.goodClaims(), ...claims })
      .setProtectedHeader(protectedHeader)
      .sign(key, { crit: { future: true } });
  }

  signFor(user: { userId: string; workspaceId: string; sessionId: string }, role: Role = 'owner') {
    return this.sign({
      sub: user.userId,
      wid: user.workspaceId,
      sid: user.sessionId,
      role,
      scope: rolePermissions[role].join(' '),
    });
  }

  private async listen() {
    this.server.addService(AccountsServiceService, this.accounts());
    this.server.addService(MfaServiceService, this.mfa());
    this.server.addService(SessionsServiceService, this.sessions());
    for (const service of [
      WorkspacesServiceService,
      InvitationsServiceService,
      ApiKeysServiceService,
      AuditServiceService,
    ]) {
      this.server.addService(service, this.scripted(service));
    }
    this.server.addService(KeysServiceService, {
      getJwks: this.answer('getJwks', () => ({
        jwksJson: JSON.stringify({ keys: [this.publicJwk] }),
      })),
    } satisfies KeysServiceServer);
    this.server.addService(RevocationsServiceService, {
      listRevocations: this.answer('listRevocations', () => ({
        revocations: this.revocations.map((each) => ({ ...each, epoch: each.epoch })),
      })),
    } satisfies RevocationsServiceServer);

    const { caFile, certFile, keyFile } = certificateFor('auth');
    const pair = { private_key: readFileSync(keyFile), cert_chain: readFileSync(certFile) };
    const credentials = ServerCredentials.createSsl(readFileSync(caFile), [pair], true);
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync('localhost:0', credentials, (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  }

  private accounts(): AccountsServiceServer {
    return {
      register: this.answer('register', () => ({})),
      login: this.answer('login', ({ email, password }: { email: string; password: string }) => {
        if (password !== rightPassword) throw new Problem('credentials-invalid');
        if (!email.startsWith('mfa')) {
          return { tokens: this.tokens(), mfaRequired: undefined, deviceToken: 'cap_dev_x' };
        }
        const mfaRequired = { challengeId: 'cap_mfa_x', methods: ['totp', 'recovery_code'] };
        return { tokens: undefined, mfaRequired };
      }),
      stepUp: this.answer('stepUp', ({ password }: { password: string }) => {
        if (password !== rightPassword) throw new Problem('credentials-invalid');
        return { tokens: this.tokens(), mfaRequired: undefined };
      }),
      changePassword: this.answer(
        'changePassword',
        ({ currentPassword }: { currentPassword: string }) => {
          if (currentPassword !== rightPassword) throw new Problem('credentials-invalid');
          return {};
        },
      ),
    };
  }

  private mfa(): MfaServiceServer {
    return {
      verifyMfa: this.answer('verifyMfa', ({ code }: { code: string }) => {
        judge(code);
        return { tokens: this.tokens(), deviceToken: 'cap_dev_y' };
      }),
      enrolTotp: this.answer('enrolTotp', () => ({
        secret: 'SECRET',
        otpauthUri: 'otpauth://totp/x',
        qrSvg: '<svg/>',
      })),
      confirmTotp: this.answer('confirmTotp', ({ code }: { code: string }) => {
        judge(code);
        return { recoveryCodes: ['AAAAAA-BBBBBB'] };
      }),
      removeTotp: this.answer('removeTotp', ({ code }: { code: string }) => {
        judge(code);
        return {};
      }),
    };
  }

  private sessions(): SessionsServiceServer {
    return {
      refresh: this.answer('refresh', ({ refreshToken }: { refreshToken: string }) => {
        if (refreshToken !== 'cap_rt_good') throw new Problem('refresh-token-invalid');
        return { tokens: this.tokens() };
      }),
      logout: this.answer('logout', () => ({})),
      getMe: this.answer('getMe', () => ({
        userId: uuidv7(),
        email: 'ada@example.com',
        name: 'Ada',
        emailVerified: false,
        workspace: { id: uuidv7(), name: 'Ada', role: 'owner' },
        scopes: [...rolePermissions.owner],
        aal: 1,
      })),
      listSessions: this.answer('listSessions', () => ({
        sessions: [
          {
            id: knownSession,
            workspaceId: uuidv7(),
            workspaceName: 'Ada',
            current: true,
            aal: 1,
            address: '192.0.2.1',
            userAgent: undefined,
            createdAt: '2026-11-21T08:00:00.000Z',
            lastUsedAt: '2026-11-21T09:00:00.000Z',
            expiresAt: '2026-11-28T09:00:00.000Z',
          },
        ],
      })),
      endSession: this.answer('endSession', ({ sessionId }: { sessionId: string }) => {
        if (sessionId !== knownSession) throw new Problem('session-not-found');
        return {};
      }),
      endOtherSessions: this.answer('endOtherSessions', () => ({})),
      switchWorkspace: this.answer('switchWorkspace', () => ({ tokens: this.tokens() })),
    };
  }

  private scripted(service: ServiceDefinition): UntypedServiceImplementation {
    const methods = Object.keys(service).map((method) => [
      method,
      this.answer(method, (request: never) => this.answers[method]?.(request) ?? {}),
    ]);
    return Object.fromEntries(methods) as UntypedServiceImplementation;
  }

  private tokens() {
    return {
      accessToken: 'not.looked.at',
      expiresInSeconds: 300,
      refreshToken: 'cap_rt_next',
      workspace: { id: uuidv7(), name: 'Ada', role: 'owner' },
    };
  }

  private answer<Request, Response>(method: string, respond: (request: Request) => Response) {
    return (
      call: { request: Request; metadata: { getMap(): Record<string, unknown> } },
      callback: (error: ServiceError | null, response?: Response) => void,
    ) => {
      this.calls[method] = (this.calls[method] ?? 0) + 1;
      const log = method === 'recordDenials' ? this.denials : this.requests;
      log.push({ method, request: call.request, metadata: call.metadata.getMap() });
      try {
        callback(null, respond(call.request));
      } catch (error) {
        const { name, message } = error as Problem;
        callback({ name, message, ...toGrpcStatus(error as Problem) });
      }
    };
  }
}

function judge(code: string) {
  if (code === '999999') throw new Problem('mfa-locked', { retryAfterSeconds: 900 });
  if (code !== '123456') throw new Problem('mfa-code-invalid');
}

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

async function generateKey(): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const kid = uuid();
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' };
  return { kid, privateKey, publicJwk };
}
