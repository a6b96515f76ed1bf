import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runAsRoot } from './accounts.js';
import { aptInstall } from './apt.js';
import { CommandFailed, run } from './command.js';
import { OperatorError } from './operator-error.js';
import { majorOf, type PostgresPrograms } from './programs.js';
import { step, type OnStep } from './steps.js';
import { atLeast, minimum, parseVersion } from './versions.js';

// The release this project is tested with. Debian and Ubuntu carry the same file, so one hash serves both.
const pinned = {
  file: 'pgvector_0.8.6.orig.tar.gz',
  sha256: '25c9b78cfdaa43c66788d7490246ac24e4fe1c86f19c4b60c089b723f84a4a0d',
};

const aptHelper = '/usr/lib/apt/apt-helper';

interface Mirror {
  uri: string;
  component: string;
  /** Lasting names of the suites that are newer than every release. */
  newerSuites: string[];
}

/**
 * Builds pgvector from the source package of a newer suite, against the installed server's headers, and installs it
 * into that server. The source comes from the mirror that this machine's apt is configured for, through apt itself.
 */
export async function buildPgvector(postgres: PostgresPrograms, onStep: OnStep): Promise<void> {
  const directory = mkdtempSync('/var/tmp/capstone-pgvector-');
  chmodSync(directory, 0o755); // apt downloads as a user of its own
  try {
    const archive = await step(onStep, 'Fetched the source of pgvector', () =>
      fetchSource(directory),
    );
    const pgConfig = await step(
      onStep,
      'Fetched the compiler and the headers of Postgres',
      async () => {
        await installCompiler();
        return pgConfigWithHeaders(postgres, directory);
      },
    );
    await step(onStep, `Built and installed pgvector from ${archive.split('/').at(-1)}`, () =>
      makeInstall(archive, pgConfig, directory),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function makeInstall(archive: string, pgConfig: string, directory: string): Promise<void> {
  const source = join(directory, 'source');
  mkdirSync(source);
  await run('tar', ['-xf', archive, '-C', source, '--strip-components=1']);
  // OPTFLAGS: the default is -march=native, which breaks when the folder moves to an older processor.
  const flags = [`PG_CONFIG=${pgConfig}`, 'OPTFLAGS=', 'with_llvm=no'];
  await run('make', ['-C', source, ...flags]);
  await runAsRoot('make', ['-C', source, 'install', ...flags]);
}

async function installCompiler(): Promise<void> {
  const present = await run('sh', ['-c', 'command -v make && command -v gcc']).catch(() => '');
  if (!present || !existsSync('/usr/include/stdio.h')) {
    await aptInstall(['make', 'gcc', 'libc6-dev']);
  }
}

/**
 * A pg_config that knows the server's headers. The package that has them also brings half a gigabyte of LLVM, so
 * where it is not installed only its files are unpacked, into the working folder.
 */
async function pgConfigWithHeaders(postgres: PostgresPrograms, directory: string): Promise<string> {
  const installed = join(postgres.bin, 'pg_config');
  const ask = (option: string) => run(installed, [option]).then((answer) => answer.trim());
  if (existsSync(await ask('--pgxs')) && existsSync(await ask('--includedir-server')))
    return installed;

  await run(
    'apt-get',
    ['download', `postgresql-server-dev-${majorOf(postgres.version)}`, 'libpq-dev'],
    { cwd: directory },
  );
  const headers = join(directory, 'headers');
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.deb'))) {
    await run('dpkg-deb', ['-x', join(directory, name), headers]);
  }
  const includes = ['--includedir', '--pkgincludedir', '--includedir-server'];
  const moved = existsSync(await ask('--pgxs')) ? includes : [...includes, '--pgxs'];
  const cases = moved.map(async (option) => `${option}) echo ${headers}${await ask(option)} ;;`);
  const script = ['#!/bin/sh', 'case "$1" in', ...(await Promise.all(cases))];
  const wrapper = join(directory, 'pg_config');
  writeFileSync(wrapper, [...script, `*) exec ${installed} "$@" ;;`, 'esac', ''].join('\n'), {
    mode: 0o755,
  });
  return wrapper;
}

/** The pinned release while the mirror still has it, otherwise what its newer suites offer now. */
async function fetchSource(directory: string): Promise<string> {
  const mirror = await configuredMirror();
  const file = join(directory, pinned.file);
  const address = `${mirror.uri}pool/${mirror.component}/p/pgvector/${pinned.file}`;
  try {
    await run(aptHelper, ['download-file', address, file, `SHA256:${pinned.sha256}`]);
    return file;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
  }
  for (const suite of mirror.newerSuites) {
    const archive = await fetchFromSuite(mirror, suite, directory);
    if (archive) return archive;
  }
  throw new OperatorError(
    `The package mirror ${mirror.uri} has no pgvector ${minimum.pgvector} or newer: install it for this Postgres as https://github.com/pgvector/pgvector describes, and start again.`,
  );
}

/** Asks apt, in a configuration of its own that leaves the machine's alone; apt verifies the suite's signature. */
async function fetchFromSuite(
  mirror: Mirror,
  suite: string,
  directory: string,
): Promise<string | undefined> {
  const apt = join(directory, suite);
  mkdirSync(join(apt, 'lists', 'partial'), { recursive: true });
  const sources = join(apt, 'sources.list');
  writeFileSync(sources, `deb-src ${mirror.uri} ${suite} ${mirror.component}\n`);
  const isolated = [
    `Dir::Etc::SourceList=${sources}`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State::Lists=${join(apt, 'lists')}`,
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  try {
    await run('apt-get', [...isolated, 'update']);
    await run('apt-get', [...isolated, 'source', '--download-only', 'pgvector'], { cwd: apt });
  } catch (error) {
    if (error instanceof CommandFailed) return undefined;
    throw error;
  }
  const archive = readdirSync(apt).find((name) => name.includes('.orig.tar.'));
  const version = archive && parseVersion(archive);
  return version && atLeast(version, minimum.pgvector) ? join(apt, archive) : undefined;
}

async function configuredMirror(): Promise<Mirror> {
  const codename = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  const format = '$(ORIGIN) $(RELEASE) $(COMPONENT) $(REPO_URI)';
  const targets = await run('apt-get', [
    'indextargets',
    '--format',
    format,
    'Created-By: Packages',
  ]);
  for (const line of targets.split('\n')) {
    const [origin, release, component, uri = ''] = line.split(' ');
    if (release !== codename) continue;
    if (origin === 'Debian' && component === 'main') {
      return { uri, component, newerSuites: ['testing', 'unstable'] };
    }
    if (origin === 'Ubuntu' && component === 'universe') {
      return { uri, component, newerSuites: ['devel'] };
    }
  }
  throw new OperatorError(
    `apt has no package mirror for ${codename ?? 'this system'}: run "apt-get update" and start again, or install pgvector ${minimum.pgvector} yourself.`,
  );
}
