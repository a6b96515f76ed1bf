import 'reflect-metadata';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { webcrypto, X509Certificate, createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

export const services = ['auth', 'api', 'worker'] as const;
export type ServiceName = (typeof services)[number];
export const databaseServers = ['postgres', 'redis-queue', 'redis-cache'] as const;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const hourMs = 3_600_000;
const authorityLifeMs = 180 * 24 * hourMs;
const databaseLifeMs = 30 * 24 * hourMs;
const serviceLifeMs = 24 * hourMs;
// A certificate that is valid from this very second is refused by a peer whose clock is a little behind.
const clockSkewMs = 5 * 60_000;

export interface KeyPair {
  certificate: x509.X509Certificate;
  privateKey: webcrypto.CryptoKey;
}

export interface CertificateFiles {
  certFile: string;
  keyFile: string;
  caFile: string;
}

export type AlternativeName = { type: 'dns' | 'ip' | 'url'; value: string };

/** The SPIFFE id of a service, namespace `local`. */
export function spiffeId(service: string): string {
  return `spiffe://capstone.internal/ns/local/sa/${service}`;
}

/** A new self-signed CA, ECDSA P-256, that may sign leaves only. */
export async function createAuthority(name: string, lifeMs = authorityLifeMs): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    notBefore: new Date(Date.now() - clockSkewMs),
    notAfter: new Date(Date.now() + lifeMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, privateKey: keys.privateKey };
}

/** A new leaf for both ends of TLS, signed by the authority, with exactly the given alternative names. */
export async function issueLeaf(
  authority: KeyPair,
  leaf: { commonName: string; names: AlternativeName[]; lifeMs: number },
): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${leaf.commonName}`,
    issuer: authority.certificate.subject,
    notBefore: new Date(Date.now() - clockSkewMs),
    notAfter: new Date(Date.now() + leaf.lifeMs),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: authority.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension(leaf.names),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
    ],
  });
  return { certificate, privateKey: keys.privateKey };
}

/** Paths of a certificate by name; the files exist after `renewCertificates`. */
export function certificateFiles(directory: string, name: string): CertificateFiles {
  return {
    certFile: join(directory, `${name}.crt`),
    keyFile: join(directory, `${name}.key`),
    caFile: join(directory, 'ca.crt'),
  };
}

/** Reads the authority that `renewCertificates` keeps in the directory. */
export async function loadAuthority(directory: string): Promise<KeyPair> {
  const files = certificateFiles(directory, 'ca');
  const key = createPrivateKey(readFileSync(files.keyFile)).export({
    format: 'der',
    type: 'pkcs8',
  });
  return {
    certificate: new x509.X509Certificate(readFileSync(files.certFile, 'utf8')),
    privateKey: await webcrypto.subtle.importKey('pkcs8', key, algorithm, true, ['sign']),
  };
}

/** Writes certificate and key as PEM, each replaced in one step; the key is readable by its owner only. */
export async function writeKeyPair(files: CertificateFiles, pair: KeyPair): Promise<void> {
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey));
  replaceFile(files.keyFile, x509.PemConverter.encode(key, 'PRIVATE KEY'), 0o600);
  replaceFile(files.certFile, pair.certificate.toString('pem'), 0o644);
}

/**
 * Makes what is missing and renews what has lived half of its life; returns the names that were written.
 * A new authority renews everything, so it is only replaced while no server of the profile runs.
 */
export async function renewCertificates(
  directory: string,
  options: { keepAuthority: boolean },
): Promise<string[]> {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const written: string[] = [];

  const authorityFiles = certificateFiles(directory, 'ca');
  const replaceAuthority =
    !existsSync(authorityFiles.keyFile) || (isDue(authorityFiles) && !options.keepAuthority);
  if (replaceAuthority) {
    await writeKeyPair(authorityFiles, await createAuthority('capstone development CA'));
    written.push('ca');
  }

  const authority = await loadAuthority(directory);
  for (const leaf of leaves()) {
    const files = certificateFiles(directory, leaf.commonName);
    if (!replaceAuthority && !isDue(files)) continue;
    await writeKeyPair(files, await issueLeaf(authority, leaf));
    written.push(leaf.commonName);
  }
  return written;
}

function leaves(): { commonName: string; names: AlternativeName[]; lifeMs: number }[] {
  return [
    ...services.map((service) => ({
      commonName: service,
      lifeMs: serviceLifeMs,
      names: [
        { type: 'url' as const, value: spiffeId(service) },
        { type: 'dns' as const, value: 'localhost' },
      ],
    })),
    ...databaseServers.map((server) => ({
      commonName: server,
      lifeMs: databaseLifeMs,
      names: [
        { type: 'dns' as const, value: 'localhost' },
        { type: 'ip' as const, value: '127.0.0.1' },
      ],
    })),
  ];
}

function isDue(files: CertificateFiles): boolean {
  if (!existsSync(files.certFile) || !existsSync(files.keyFile)) return true;
  const { validFrom, validTo } = new X509Certificate(readFileSync(files.certFile));
  return Date.now() > (Date.parse(validFrom) + Date.parse(validTo)) / 2;
}

function replaceFile(file: string, content: string, mode: number): void {
  const draft = `${file}.${process.pid}.new`;
  writeFileSync(draft, `${content.trimEnd()}\n`, { mode });
  renameSync(draft, file);
}
