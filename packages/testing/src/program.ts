import { aptInstall, aptUpdate, canInstallWithApt } from '@capstone/local/apt';
import { waitFor } from './wait-for.js';

export interface NeededProgram {
  readonly isInstalled: () => boolean | Promise<boolean>;
  /** Its package on Debian and Ubuntu. */
  readonly debianPackage: string;
  /** What a person has to do where it cannot be installed from here. */
  readonly advice: string;
}

/**
 * Makes sure that a program is there which only tests need. Installs Debian's package where that asks for no password;
 * takes minutes then. Throws the advice otherwise: a test that cannot run must not look like one that passed.
 */
export async function ensureProgram(program: NeededProgram): Promise<void> {
  const { isInstalled, debianPackage, advice } = program;
  if (await isInstalled()) return;
  if (!(await canInstallWithApt())) throw new Error(advice);
  try {
    await aptUpdate();
    await aptInstall([debianPackage]);
  } catch (cause) {
    // Another test file may be installing something, and hold the lock of apt.
    const what = `${debianPackage} to be installed`;
    await waitFor(
      async () => {
        if (await isInstalled()) return true;
        await aptInstall([debianPackage]);
        return isInstalled();
      },
      { timeoutMs: 180_000, what },
    ).catch(() => {
      throw new Error(advice, { cause });
    });
  }
}
