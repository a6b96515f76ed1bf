import { chownSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificateFiles } from './certificates.js';
import { run, type Account } from './command.js';
import { roleName, withClient, type DatabaseServer } from './postgres-roles.js';
import type { Profile, ProfileState } from './profile.js';
import { processCommand } from './process-command.js';
import { majorOf, type PostgresPrograms } from './programs.js';
import { startServer, waitUntilClosed } from './server-process.js';

// Tests throw their data away; a start after a power cut may not.
const undurable = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** The profile's own Postgres, run from the programs of this machine. */
export class PostgresServer {
  readonly name = 'postgres';
  private readonly directory: string;
  private readonly data: string;

  constructor(
    private readonly profile: Profile,
    private readonly state: ProfileState,
    private readonly programs: PostgresPrograms,
    private readonly account: Account | undefined,
  ) {
    this.directory = profile.serverDirectory('postgres', account);
    this.data = join(this.directory, 'data');
  }

  get address(): DatabaseServer {
    const { adminUrl, caFile } = this;
    return { adminUrl, caFile };
  }

  async isRunning(): Promise<boolean> {
    return this.probe().then(
      () => true,
      () => false,
    );
  }

  async start(): Promise<void> {
    if (!this.state.postgresMajor) await this.createCluster();
    await this.removeStalePidFile();
    this.writeConfiguration();
    await startServer({
      name: 'Postgres',
      program: this.programs.postgres,
      args: ['-D', this.data],
      account: this.account,
      logFile: join(this.profile.logs, 'postgres.log'),
      probe: () => this.probe(),
    });
  }

  private async createCluster(): Promise<void> {
    rmSync(this.data, { recursive: true, force: true });
    const passwordFile = this.writeFile('password', this.state.passwords.postgres.admin);
    try {
      await run(
        this.programs.initdb,
        [
          `--pgdata=${this.data}`,
          `--username=${roleName('admin')}`,
          `--pwfile=${passwordFile}`,
          '--auth=scram-sha-256',
          '--encoding=UTF8',
          '--locale=C',
          // Sorting by code point is the same on every machine; upper and lower case still know Unicode.
          `--lc-ctype=${process.platform === 'darwin' ? 'UTF-8' : 'C.UTF-8'}`,
          ...(this.profile.name === 'test' ? ['--no-sync'] : []),
        ],
        { account: this.account, cwd: '/' },
      );
    } finally {
      rmSync(passwordFile, { force: true });
    }
    this.state.postgresMajor = majorOf(this.programs.version);
    this.profile.saveState(this.state);
  }

  /** Ends sessions and shuts down in order; waits for the end. */
  async stop(): Promise<void> {
    const args = ['stop', '--pgdata', this.data, '--mode=fast', '--wait', '--silent'];
    await run(this.programs.pgCtl, args, { account: this.account, cwd: '/' });
    await waitUntilClosed(this.state.ports.postgres);
  }

  private get caFile(): string {
    return certificateFiles(this.profile.certificates, 'postgres').caFile;
  }

  private get adminUrl(): string {
    const url = new URL(`postgres://localhost:${this.state.ports.postgres}/postgres`);
    url.username = roleName('admin');
    url.password = this.state.passwords.postgres.admin;
    return url.href;
  }

  private async probe(): Promise<void> {
    const { adminUrl, caFile } = this;
    await withClient(adminUrl, caFile, (client) => client.query('select'));
  }

  private writeConfiguration(): void {
    const files = certificateFiles(this.profile.certificates, 'postgres');
    const certificate = this.writeFile('server.crt', readFileSync(files.certFile, 'utf8'));
    const key = this.writeFile('server.key', readFileSync(files.keyFile, 'utf8'));
    const settings = {
      listen_addresses: 'localhost',
      port: String(this.state.ports.postgres),
      unix_socket_directories: '',
      max_connections: '300',
      ssl: 'on',
      ssl_cert_file: certificate,
      ssl_key_file: key,
      ssl_min_protocol_version: 'TLSv1.3',
      password_encryption: 'scram-sha-256',
      shared_buffers: '128MB',
      max_wal_size: '1GB',
      jit: 'off', // compiling costs more than these short queries take
      timezone: 'UTC',
      log_timezone: 'UTC',
      ...(this.profile.name === 'test' ? undurable : {}),
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'`);
    this.writeFile('data/postgresql.conf', `${lines.join('\n')}\n`);
    const hosts = ['127.0.0.1/32', '::1/128'].map(
      (host) => `hostssl all all ${host} scram-sha-256`,
    );
    this.writeFile('data/pg_hba.conf', `${hosts.join('\n')}\n`);
  }

  /**
   * After a crash the pid file stays, and by now another program may have that pid: Postgres would then refuse to
   * start. When the pid is a Postgres, it stays in charge of its file.
   */
  private async removeStalePidFile(): Promise<void> {
    const pidFile = join(this.data, 'postmaster.pid');
    if (!existsSync(pidFile)) return;
    const [pid] = readFileSync(pidFile, 'utf8').split('\n');
    const command = await processCommand(Number(pid));
    if (command !== undefined && !command.includes('postgres')) rmSync(pidFile, { force: true });
  }

  private writeFile(name: string, content: string): string {
    const file = join(this.directory, name);
    writeFileSync(file, content, { mode: 0o600 });
    if (this.account) chownSync(file, this.account.uid, this.account.gid);
    return file;
  }
}
