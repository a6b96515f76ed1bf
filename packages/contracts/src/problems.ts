/** The shape of one catalogue entry. `grpc` names a status of @grpc/grpc-js. */
export interface ProblemSpec {
  readonly status: number;
  readonly grpc: string;
  readonly title: string;
  /** True where the same request may succeed later without being changed. */
  readonly retryable: boolean;
}

/**
 * Every error that a client, a caller over gRPC or a job can meet. The code is the contract; titles may be reworded.
 * The HTTP, gRPC and queue edges translate from here and know no status of their own.
 */
export const problems = {
  'malformed-request': spec(400, 'INVALID_ARGUMENT', 'The request could not be read'),
  'invalid-cursor': spec(400, 'INVALID_ARGUMENT', 'The cursor is not one of ours'),
  'token-missing': spec(401, 'UNAUTHENTICATED', 'An access token is needed'),
  'token-invalid': spec(401, 'UNAUTHENTICATED', 'The access token is not valid'),
  'credentials-invalid': spec(401, 'UNAUTHENTICATED', 'The address or the password is wrong'),
  'mfa-challenge-invalid': spec(401, 'UNAUTHENTICATED', 'Sign in again: this step is over'),
  'mfa-code-invalid': spec(401, 'UNAUTHENTICATED', 'The code is not valid'),
  'step-up-required': spec(401, 'UNAUTHENTICATED', 'Prove again who you are'),
  'refresh-token-invalid': spec(401, 'UNAUTHENTICATED', 'The refresh token is not valid'),
  'permission-denied': spec(403, 'PERMISSION_DENIED', 'You may not do this'),
  'origin-denied': spec(403, 'PERMISSION_DENIED', 'Not from this page'),
  'peer-denied': spec(403, 'PERMISSION_DENIED', 'This service may not call this method'),
  'route-not-found': spec(404, 'UNIMPLEMENTED', 'There is nothing at this address'),
  'task-not-found': spec(404, 'NOT_FOUND', 'Task not found'),
  'session-not-found': spec(404, 'NOT_FOUND', 'Session not found'),
  'workspace-not-found': spec(404, 'NOT_FOUND', 'Workspace not found'),
  'export-not-found': spec(404, 'NOT_FOUND', 'Export not found'),
  'api-key-not-found': spec(404, 'NOT_FOUND', 'API key not found'),
  'member-not-found': spec(404, 'NOT_FOUND', 'Member not found'),
  'invitation-not-found': spec(404, 'NOT_FOUND', 'Invitation not found'),
  'document-not-found': spec(404, 'NOT_FOUND', 'Document not found'),
  'method-not-allowed': spec(405, 'UNIMPLEMENTED', 'This address does not take this method'),
  'not-acceptable': spec(406, 'INVALID_ARGUMENT', 'None of the accepted types can be produced'),
  'request-timeout': spec(408, 'DEADLINE_EXCEEDED', 'The request took too long to arrive', true),
  'idempotency-key-in-use': spec(
    409,
    'ABORTED',
    'The first request with this key has not finished',
    true,
  ),
  'document-busy': spec(409, 'ABORTED', 'The document is being processed', true),
  'document-idle': spec(409, 'FAILED_PRECONDITION', 'The document is not being processed'),
  'document-unreadable': spec(
    409,
    'FAILED_PRECONDITION',
    'No version of this document has become readable',
  ),
  'last-owner': spec(409, 'FAILED_PRECONDITION', 'A workspace keeps at least one owner'),
  'already-member': spec(409, 'FAILED_PRECONDITION', 'This address belongs to a member already'),
  'workspace-personal': spec(409, 'FAILED_PRECONDITION', 'A personal workspace stays'),
  'export-not-ready': spec(409, 'FAILED_PRECONDITION', 'The export is not ready', true),
  conflict: spec(409, 'ABORTED', 'Something changed meanwhile', true),
  'totp-enrolled': spec(409, 'FAILED_PRECONDITION', 'An authenticator app is enrolled already'),
  'totp-not-enrolled': spec(409, 'FAILED_PRECONDITION', 'No authenticator app is enrolled'),
  'version-mismatch': spec(412, 'FAILED_PRECONDITION', 'Your version is old'),
  'payload-too-large': spec(413, 'RESOURCE_EXHAUSTED', 'The body is too large'),
  'uri-too-long': spec(414, 'INVALID_ARGUMENT', 'The address is too long'),
  'unsupported-media-type': spec(415, 'INVALID_ARGUMENT', 'This media type is not accepted here'),
  'validation-failed': spec(422, 'INVALID_ARGUMENT', 'The request is not valid'),
  'idempotency-key-reused': spec(422, 'INVALID_ARGUMENT', 'This key was used with another request'),
  'unsupported-document': spec(422, 'INVALID_ARGUMENT', 'This document cannot be read'),
  'password-unacceptable': spec(422, 'INVALID_ARGUMENT', 'Choose another password'),
  'if-match-required': spec(428, 'FAILED_PRECONDITION', 'If-Match is needed here'),
  'rate-limited': spec(429, 'RESOURCE_EXHAUSTED', 'Too many requests', true),
  'ask-budget-spent': spec(429, 'RESOURCE_EXHAUSTED', 'The workspace has used up its tokens', true),
  'mfa-locked': spec(429, 'RESOURCE_EXHAUSTED', 'Too many wrong codes', true),
  'headers-too-large': spec(431, 'INVALID_ARGUMENT', 'The headers are too large'),
  internal: spec(500, 'INTERNAL', 'Something went wrong here'),
  overloaded: spec(503, 'UNAVAILABLE', 'Too busy right now', true),
  'shutting-down': spec(503, 'UNAVAILABLE', 'This instance is stopping', true),
  'dependency-unavailable': spec(503, 'UNAVAILABLE', 'A service this needs is not available', true),
  'model-unavailable': spec(503, 'UNAVAILABLE', 'The language model is not available', true),
  'revocation-feed-stale': spec(
    503,
    'UNAVAILABLE',
    'Revocations cannot be checked right now',
    true,
  ),
  'deadline-exceeded': spec(504, 'DEADLINE_EXCEEDED', 'It took too long', true),
} as const satisfies Record<string, ProblemSpec>;

export type ProblemCode = keyof typeof problems;

function spec(status: number, grpc: string, title: string, retryable = false): ProblemSpec {
  return { status, grpc, title, retryable };
}
