import { minimum } from './versions.js';

export interface Machine {
  platform: NodeJS.Platform;
  /** ID and ID_LIKE of /etc/os-release, on Linux. */
  distribution: string[];
}

/** What to install by hand, for the given system, as one sentence that ends in commands. */
export function installAdvice(machine: Machine): string {
  const what = `Postgres ${minimum.postgres}+, pgvector ${minimum.pgvector}+ and Redis ${minimum.redis}+`;
  return `This machine lacks ${what}, and they cannot be installed from here: ${remedy(machine)}, or start Docker and try again.`;
}

function remedy({ platform, distribution }: Machine): string {
  if (platform === 'darwin') return 'run "brew install postgresql@18 pgvector redis"';
  if (platform === 'win32') return 'install Docker Desktop, or run this in WSL 2 (Ubuntu)';
  if (distribution.includes('debian') || distribution.includes('ubuntu')) {
    return 'run this once as root or where "sudo -n true" works, or "sudo apt-get install postgresql redis-server" and pgvector from https://wiki.postgresql.org/wiki/Apt ("postgresql-<version>-pgvector")';
  }
  if (distribution.includes('fedora') || distribution.includes('rhel')) {
    return 'run "sudo dnf install postgresql-server pgvector valkey"';
  }
  if (distribution.includes('arch')) return 'run "sudo pacman -S postgresql pgvector valkey"';
  if (distribution.includes('alpine'))
    return 'run "apk add postgresql17 postgresql-pgvector valkey"';
  return 'install them with the package manager of this system so that "postgres" and "redis-server" are on the PATH';
}
