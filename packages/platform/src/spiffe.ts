import type { X509Certificate } from 'node:crypto';
import { trustDomain } from '@capstone/contracts/grpc-allow';
import type { Workload } from '@capstone/contracts/grpc-allow';

/** Who holds a certificate: `spiffe://capstone.internal/ns/<namespace>/sa/<workload>`. */
export interface SpiffeId {
  readonly namespace: string;
  readonly workload: Workload;
}

/**
 * The identity in a certificate: exactly one URI SAN, in our trust domain and of our form (SPIFFE X509-SVID §2).
 * Undefined for anything else; common name and DNS names never count.
 */
export function identityOf(certificate: X509Certificate): SpiffeId | undefined {
  const names = parseAltNames(certificate.subjectAltName ?? '');
  const uris = names?.filter(({ kind }) => kind === 'URI') ?? [];
  return uris.length === 1 ? parseSpiffeId(uris[0]!.value) : undefined;
}

export function parseSpiffeId(uri: string): SpiffeId | undefined {
  const [, namespace, workload] = spiffePattern.exec(uri) ?? [];
  return namespace && workload ? { namespace, workload: workload as Workload } : undefined;
}

const workloads: Record<Workload, true> = { auth: true, api: true, worker: true };
const spiffePattern = new RegExp(
  `^spiffe://${trustDomain.replaceAll('.', '\\.')}/ns/([a-z0-9][a-z0-9-]{0,62})/sa/(${Object.keys(workloads).join('|')})$`,
);

/**
 * Node writes SANs as `DNS:a, URI:b` and puts a value that holds a comma or a quote into a JSON string
 * (CVE-2021-44532). A text that does not follow that form names nobody.
 */
function parseAltNames(text: string): { kind: string; value: string }[] | undefined {
  const names: { kind: string; value: string }[] = [];
  altName.lastIndex = 0;
  while (altName.lastIndex < text.length) {
    const match = altName.exec(text);
    if (!match) return undefined;
    names.push({ kind: match[1]!, value: match[2]! });
  }
  return names;
}

const altName = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;
