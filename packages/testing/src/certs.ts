import type { CertificatePaths, workloads } from './test-infra.js';
import { testInfra } from './test-infra.js';

/** The leaf of a workload and the CA that signed every leaf of the run. */
export function certificateFor(workload: (typeof workloads)[number]): CertificatePaths {
  return testInfra().certificates[workload];
}

/** A leaf that names the api but comes from a CA that nobody here trusts. `caFile` is the trusted one. */
export function foreignCertificate(): CertificatePaths {
  return testInfra().certificates.foreign;
}
