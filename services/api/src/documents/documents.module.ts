import { Module } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { DocumentsController } from './documents.controller.js';
import { DocumentsService } from './documents.service.js';
import { SubmissionReader } from './submission.js';
import { acceptForms } from './upload.js';

@Module({
  controllers: [DocumentsController],
  providers: [DocumentsService, SubmissionReader],
})
export class DocumentsModule {
  constructor(adapterHost: HttpAdapterHost) {
    acceptForms(adapterHost.httpAdapter.getInstance());
  }
}
