import type { CertificateFiles, ServiceName } from './certificates.js';
import type { ProfileState } from './profile.js';

export interface ServicePorts {
  http?: number;
  grpc?: number;
  admin?: number;
}

export interface ServiceAddresses {
  databaseUrl: string;
  databaseCaFile: string | undefined;
  queueUrl: string;
  cacheUrl: string;
  redisCaFile: string | undefined;
  certificate: CertificateFiles;
}

/** The ports of architecture.md section 4. */
export const defaultPorts = {
  http: 8080,
  grpc: 7070,
  admin: { api: 9080, auth: 9081, worker: 9082 },
} as const;

/** The environment of one service: the same keys as in a container or a cluster. */
export function serviceEnvironment(
  service: ServiceName,
  addresses: ServiceAddresses,
  secrets: ProfileState['secrets'],
  ports: ServicePorts = {},
): Record<string, string> {
  const grpcPort = String(ports.grpc ?? defaultPorts.grpc);
  const authTarget = { AUTH_GRPC_TARGET: `localhost:${grpcPort}` };
  const own = {
    auth: {
      GRPC_PORT: grpcPort,
      AUTH_PASSWORD_PEPPER: secrets.passwordPepper,
      AUTH_TOKEN_PEPPER: secrets.tokenPepper,
      AUTH_KEY_ENCRYPTION_KEY: secrets.keyEncryptionKey,
    },
    api: { HTTP_PORT: String(ports.http ?? defaultPorts.http), ...authTarget },
    worker: authTarget,
  };
  const common = {
    ADMIN_PORT: String(ports.admin ?? defaultPorts.admin[service]),
    DATABASE_URL: addresses.databaseUrl,
    ...optional('DATABASE_CA_FILE', addresses.databaseCaFile),
    REDIS_QUEUE_URL: addresses.queueUrl,
    REDIS_CACHE_URL: addresses.cacheUrl,
    ...optional('REDIS_CA_FILE', addresses.redisCaFile),
    TLS_CA_FILE: addresses.certificate.caFile,
    TLS_CERT_FILE: addresses.certificate.certFile,
    TLS_KEY_FILE: addresses.certificate.keyFile,
  };
  return { ...common, ...own[service] };
}

function optional(key: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [key]: value };
}
