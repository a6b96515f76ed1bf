import { Injectable } from '@nestjs/common';
import {
  ApiKeyPage,
  CreatedApiKey,
  type CreateApiKey,
  type ListApiKeys,
} from '@capstone/contracts/api-keys';
import type { Principal } from '@capstone/platform/principal';
import { afterCursor, pageById } from '../http/page-by-id.js';
import { AuthClient, bearing } from '../identity/auth-client.js';

@Injectable()
export class ApiKeysService {
  constructor(private readonly client: AuthClient) {}

  async create(authorization: string, input: CreateApiKey): Promise<CreatedApiKey> {
    const { apiKey, key } = await this.client.apiKeys.createApiKey(input, bearing(authorization));
    return CreatedApiKey.parse({ ...apiKey, lastUsedAt: null, key });
  }

  async list(
    authorization: string,
    { workspaceId }: Principal,
    { limit, cursor }: ListApiKeys,
  ): Promise<ApiKeyPage> {
    const list = { of: 'api-keys', workspaceId };
    const { apiKeys } = await this.client.apiKeys.listApiKeys(
      { limit: limit + 1, after: afterCursor(list, cursor) },
      bearing(authorization),
    );
    const items = apiKeys.map((each) => ({ ...each, lastUsedAt: each.lastUsedAt ?? null }));
    return ApiKeyPage.parse(pageById(list, limit, items));
  }

  async revoke(authorization: string, apiKeyId: string): Promise<void> {
    await this.client.apiKeys.revokeApiKey({ apiKeyId }, bearing(authorization));
  }
}
