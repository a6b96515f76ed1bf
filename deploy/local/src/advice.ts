export interface Machine {
  platform: NodeJS.Platform;
  /** ID and ID_LIKE of /etc/os-release, on Linux. */
  distribution: string[];
}

/** What is missing and how to install it on this system by hand, as one sentence. */
export function installAdvice(missing: string[], machine: Machine): string {
  return `This machine has no ${missing.join(' and no ')}, and it cannot be installed from here: ${remedy(machine)}, or start Docker or Podman, and try again.`;
}

function remedy({ platform, distribution }: Machine): string {
  if (platform === 'darwin') return 'run "brew install postgresql@18 pgvector redis"';
  if (platform === 'win32') return 'install Docker Desktop, or run this in WSL 2 (Ubuntu)';
  if (distribution.includes('debian') || distribution.includes('ubuntu')) {
    return 'run "sudo apt-get install postgresql redis-server", and "postgresql-<its version>-pgvector" from https://wiki.postgresql.org/wiki/Apt; or let this install them, as root or with a sudo that asks for no password';
  }
  if (distribution.includes('fedora') || distribution.includes('rhel')) {
    return 'run "sudo dnf install postgresql-server pgvector valkey"';
  }
  if (distribution.includes('arch')) return 'run "sudo pacman -S postgresql pgvector valkey"';
  if (distribution.includes('alpine'))
    return 'run "apk add postgresql17 postgresql-pgvector valkey"';
  return 'install them with the package manager of this system so that "postgres" and "redis-server" are on the PATH';
}
