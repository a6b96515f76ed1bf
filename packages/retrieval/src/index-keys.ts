export interface DocumentKey {
  readonly workspaceId: string;
  readonly documentId: string;
}

export interface VersionKey extends DocumentKey {
  readonly version: number;
}
