import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { Metadata } from '@grpc/grpc-js';
import { z } from 'zod';
import { CreateApiKey } from '@capstone/contracts/api-keys';
import type { ApiKey } from '@capstone/contracts/api-keys';
import type {
  ApiKey as ApiKeyMessage,
  CreateApiKeyRequest,
  CreateApiKeyResponse,
  ListApiKeysRequest,
  ListApiKeysResponse,
  RevokeApiKeyRequest,
  RevokeApiKeyResponse,
  VerifyApiKeyRequest,
  VerifyApiKeyResponse,
} from '@capstone/contracts/generated/capstone/auth/v1/api_keys_service';
import { Page } from '../page.js';
import { parseRequest } from '../parse-request.js';
import { bearerToken } from '../tokens/bearer-token.js';
import { ApiKeysService } from './api-keys.service.js';

const Id = z.object({ apiKeyId: z.uuid() });

@Controller()
export class ApiKeysGrpc {
  constructor(private readonly apiKeys: ApiKeysService) {}

  @GrpcMethod('ApiKeysService', 'CreateApiKey')
  async create(request: CreateApiKeyRequest, metadata: Metadata): Promise<CreateApiKeyResponse> {
    const input = parseRequest(CreateApiKey, request);
    const { key, ...apiKey } = await this.apiKeys.create(bearerToken(metadata), input);
    return { apiKey: toMessage(apiKey), key };
  }

  @GrpcMethod('ApiKeysService', 'ListApiKeys')
  async list(request: ListApiKeysRequest, metadata: Metadata): Promise<ListApiKeysResponse> {
    const page = parseRequest(Page, request);
    const apiKeys = await this.apiKeys.list(bearerToken(metadata), page);
    return { apiKeys: apiKeys.map(toMessage) };
  }

  @GrpcMethod('ApiKeysService', 'RevokeApiKey')
  async revoke(request: RevokeApiKeyRequest, metadata: Metadata): Promise<RevokeApiKeyResponse> {
    const { apiKeyId } = parseRequest(Id, request);
    await this.apiKeys.revoke(bearerToken(metadata), apiKeyId);
    return {};
  }

  @GrpcMethod('ApiKeysService', 'VerifyApiKey')
  async verify({ key }: VerifyApiKeyRequest): Promise<VerifyApiKeyResponse> {
    const { apiKey, creator, scopes } = await this.apiKeys.verify(key);
    return {
      apiKeyId: apiKey.id,
      workspaceId: apiKey.workspaceId,
      userId: apiKey.createdBy,
      role: creator.role,
      epoch: creator.epoch,
      scopes,
      expiresAtMs: apiKey.expiresAtMs,
    };
  }
}

function toMessage({ lastUsedAt, ...apiKey }: ApiKey): ApiKeyMessage {
  return { ...apiKey, lastUsedAt: lastUsedAt ?? undefined };
}
