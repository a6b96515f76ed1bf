import { existsSync } from 'node:fs';
import { isRoot, runAsRoot } from './accounts.js';
import { CommandFailed, run } from './command.js';
import { parseVersion } from './versions.js';

// Packages of servers start them, on the ports and in the folders of the distribution. For the time of one
// installation the system is told to start nothing and to make no database cluster.
const installScript = `
set -e
policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.d/capstone.conf
trap 'if [ -n "$made_policy" ]; then rm -f "$policy"; fi; rm -f "$cluster"' EXIT
if [ ! -e "$policy" ]; then
  made_policy=yes
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
mkdir -p "$(dirname "$cluster")"
echo 'create_main_cluster = false' > "$cluster"
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
`;

/** Whether this is Debian or Ubuntu, and this user may install packages without being asked for a password. */
export async function canInstallWithApt(): Promise<boolean> {
  if (!existsSync('/usr/bin/apt-get') || !existsSync('/etc/debian_version')) return false;
  if (isRoot()) return true;
  return run('sudo', ['-n', 'true']).then(
    () => true,
    () => false,
  );
}

/** Fetches the package lists. A source that cannot be reached is no reason to stop: others may have what is needed. */
export async function aptUpdate(): Promise<void> {
  try {
    await runAsRoot('apt-get', ['update']);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
  }
}

/** Installs packages without what they only recommend, and without starting what they bring. */
export async function aptInstall(packages: string[]): Promise<void> {
  await runAsRoot('sh', ['-c', installScript, 'sh', ...packages]);
}

/** The upstream version apt would install; undefined when it knows no such package. */
export async function candidateVersion(name: string): Promise<string | undefined> {
  const policy = await run('apt-cache', ['policy', name]);
  const candidate = /Candidate: (\S+)/.exec(policy)?.[1];
  return candidate && candidate !== '(none)' ? upstreamVersion(candidate) : undefined;
}

/** A Debian version without its epoch and revision: `5:7.0.15-1~deb12u10` → `7.0.15`. */
export function upstreamVersion(candidate: string): string | undefined {
  return parseVersion(candidate.replace(/^\d+:/, '').replace(/-[^-]*$/, ''));
}
