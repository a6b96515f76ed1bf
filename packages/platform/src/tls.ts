import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Logger } from './log.js';
import { tlsExpiry, tlsIssued, tlsReloadFailing } from './metrics.js';
import { identityOf } from './spiffe.js';
import type { SpiffeId } from './spiffe.js';

export interface TlsFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** A workload certificate that was checked: it parses, the key is its own, it names us, it is valid now. */
export interface TlsMaterial {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly identity: SpiffeId;
  readonly validFrom: Date;
  readonly validTo: Date;
}

/** Why certificate files cannot be used, in a sentence fit for an operator. */
export class TlsMaterialError extends Error {
  override readonly name = 'TlsMaterialError';
}

/** Reads and checks the three files. Throws TlsMaterialError. */
export async function loadTlsMaterial(
  files: TlsFiles,
  now: () => Date = () => new Date(),
): Promise<TlsMaterial> {
  const [ca, cert, key] = await Promise.all([
    read(files.caFile),
    read(files.certFile),
    read(files.keyFile),
  ]);
  assertWholePem(ca, files.caFile);
  assertWholePem(cert, files.certFile);
  const leaf = parse(files.certFile, () => new X509Certificate(cert));
  const privateKey = parse(files.keyFile, () => createPrivateKey(key));

  if (!leaf.checkPrivateKey(privateKey)) {
    throw new TlsMaterialError(`${files.keyFile} is not the key of ${files.certFile}.`);
  }
  const identity = identityOf(leaf);
  if (!identity) {
    throw new TlsMaterialError(`${files.certFile} does not name exactly one workload of ours.`);
  }
  const validFrom = new Date(leaf.validFrom);
  const validTo = new Date(leaf.validTo);
  if (now() < validFrom || now() >= validTo) {
    throw new TlsMaterialError(`${files.certFile} is not valid now, only until ${leaf.validTo}.`);
  }
  return { ca, cert, key, identity, validFrom, validTo };
}

export interface ReloadingTlsOptions {
  readonly logger: Logger;
  /** How often the files are looked at. A mounted secret is swapped by symlink, which file watchers miss. */
  readonly pollMs?: number;
}

/**
 * The certificate in use, renewed from its files without a restart. Files that cannot be used (half written, key of
 * another certificate, another identity, expired) change nothing but a gauge and the log.
 */
export class ReloadingTls {
  private readonly listeners = new Set<(material: TlsMaterial) => void>();
  private readonly timer: NodeJS.Timeout;
  private failing = false;

  private constructor(
    private readonly files: TlsFiles,
    private material: TlsMaterial,
    private readonly logger: Logger,
    pollMs: number,
  ) {
    showLife(material);
    tlsReloadFailing.set(0);
    this.timer = setInterval(() => void this.reload(), pollMs).unref();
  }

  /** Throws TlsMaterialError when there is nothing good to begin with. */
  static async open(files: TlsFiles, options: ReloadingTlsOptions): Promise<ReloadingTls> {
    const material = await loadTlsMaterial(files);
    return new ReloadingTls(files, material, options.logger, options.pollMs ?? 10_000);
  }

  get current(): TlsMaterial {
    return this.material;
  }

  /** Calls `listener` with each new certificate, not with the present one. Returns how to stop. */
  onChange(listener: (material: TlsMaterial) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Looks at the files now. Never throws. */
  async reload(): Promise<void> {
    try {
      const next = await loadTlsMaterial(this.files);
      this.assertSameIdentity(next);
      if (this.failing) this.logger.info('certificate files are good again');
      this.failing = false;
      tlsReloadFailing.set(0);
      if (!sameBytes(next, this.material)) this.publish(next);
    } catch (error) {
      if (!this.failing) this.logger.error({ err: error }, 'certificate files cannot be used');
      this.failing = true;
      tlsReloadFailing.set(1);
    }
  }

  /** A readiness check: fails in the last sixth of the certificate's life, when renewal is overdue. */
  readonly checkRemainingLife = async (): Promise<void> => {
    const { validFrom, validTo } = this.material;
    const lifeMs = validTo.getTime() - validFrom.getTime();
    if (validTo.getTime() - Date.now() < lifeMs / 6) {
      throw new TlsMaterialError(`The certificate ends at ${validTo.toISOString()}.`);
    }
  };

  close(): void {
    clearInterval(this.timer);
    this.listeners.clear();
  }

  private assertSameIdentity(next: TlsMaterial): void {
    const { namespace, workload } = this.material.identity;
    if (next.identity.namespace !== namespace || next.identity.workload !== workload) {
      throw new TlsMaterialError(`${this.files.certFile} now names another workload.`);
    }
  }

  private publish(next: TlsMaterial): void {
    this.material = next;
    showLife(next);
    this.logger.info({ validTo: next.validTo }, 'certificate renewed');
    for (const listener of this.listeners) listener(next);
  }
}

function showLife({ validFrom, validTo }: TlsMaterial): void {
  tlsIssued.set(validFrom.getTime() / 1000);
  tlsExpiry.set(validTo.getTime() / 1000);
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new TlsMaterialError(`${file} cannot be read.`, { cause });
  }
}

/** A file cut short may still begin with a good certificate. */
function assertWholePem(pem: Buffer, file: string): void {
  const text = pem.toString('latin1');
  const begins = text.split('-----BEGIN CERTIFICATE-----').length - 1;
  const ends = text.split('-----END CERTIFICATE-----').length - 1;
  if (begins === 0 || begins !== ends) throw new TlsMaterialError(`${file} is cut short or empty.`);
}

function parse<Parsed>(file: string, work: () => Parsed): Parsed {
  try {
    return work();
  } catch (cause) {
    throw new TlsMaterialError(`${file} cannot be parsed.`, { cause });
  }
}

function sameBytes(a: TlsMaterial, b: TlsMaterial): boolean {
  return a.cert.equals(b.cert) && a.key.equals(b.key) && a.ca.equals(b.ca);
}
