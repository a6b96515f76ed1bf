import type { RedisInstanceName } from './redis-acl.js';

// The cache may forget, the queue may not.
const keeping: Record<RedisInstanceName, string[]> = {
  cache: ['maxmemory 128mb', 'maxmemory-policy allkeys-lru', 'save ""', 'appendonly no'],
  queue: ['maxmemory-policy noeviction', 'save ""', 'appendonly yes', 'appendfsync everysec'],
};

/** The configuration file of one instance: TLS only, users from the ACL file, which lies beside the certificate. */
export function redisConfiguration(
  instance: RedisInstanceName,
  options: { bind: string; port: number; files: string; data: string },
): string {
  const file = (name: string) => JSON.stringify(`${options.files}/${name}`);
  const lines = [
    `bind ${options.bind}`,
    'port 0',
    `tls-port ${options.port}`,
    `tls-cert-file ${file('server.crt')}`,
    `tls-key-file ${file('server.key')}`,
    `tls-ca-cert-file ${file('ca.crt')}`,
    'tls-auth-clients no', // services prove themselves with their ACL password
    'tls-protocols "TLSv1.3"',
    `aclfile ${file('users.acl')}`,
    `dir ${JSON.stringify(options.data)}`,
    'daemonize no',
    ...keeping[instance],
  ];
  return `${lines.join('\n')}\n`;
}
