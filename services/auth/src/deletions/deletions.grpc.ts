import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { z } from 'zod';
import type {
  CompleteDeletionRequest,
  CompleteDeletionResponse,
  GetDeletionRequest,
  GetDeletionResponse,
} from '@capstone/contracts/generated/capstone/auth/v1/deletions_service';
import { parseRequest } from '../parse-request.js';
import { DeletionsService } from './deletions.service.js';

const Id = z.object({ workspaceId: z.uuid() });

@Controller()
export class DeletionsGrpc {
  constructor(private readonly deletions: DeletionsService) {}

  @GrpcMethod('DeletionsService', 'GetDeletion')
  async get(request: GetDeletionRequest): Promise<GetDeletionResponse> {
    const { workspaceId } = parseRequest(Id, request);
    return { due: await this.deletions.isDue(workspaceId) };
  }

  @GrpcMethod('DeletionsService', 'CompleteDeletion')
  async complete(request: CompleteDeletionRequest): Promise<CompleteDeletionResponse> {
    const { workspaceId } = parseRequest(Id, request);
    await this.deletions.complete(workspaceId);
    return {};
  }
}
