import type { Metadata } from '@grpc/grpc-js';
import { Problem } from '@capstone/platform/problem';

const bearer = /^Bearer +([\w.~+/-]+=*)$/i;

/** The person's access token in a call's metadata. The calling service's certificate speaks for nobody. */
export function bearerToken(metadata: Metadata): string {
  const values = metadata.get('authorization');
  if (values.length === 0) throw new Problem('token-missing');
  const [, token] = values.length === 1 ? (bearer.exec(String(values[0])) ?? []) : [];
  if (!token) throw new Problem('token-invalid');
  return token;
}
