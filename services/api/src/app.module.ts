import { Module } from '@nestjs/common';
import { ApiKeysModule } from './api-keys/api-keys.module.js';
import { AskModule } from './ask/ask.module.js';
import { AuthModule } from './auth/auth.module.js';
import { ConnectionsModule } from './connections/connections.module.js';
import { DocumentsModule } from './documents/documents.module.js';
import { EventsModule } from './events/events.module.js';
import { ExportsModule } from './exports/exports.module.js';
import { IdentityModule } from './identity/identity.module.js';
import { OpenApiModule } from './openapi/openapi.module.js';
import { SearchModule } from './search/search.module.js';
import { TasksModule } from './tasks/tasks.module.js';
import { WorkspacesModule } from './workspaces/workspaces.module.js';

/** The table of contents of this service. */
@Module({
  imports: [
    ConnectionsModule,
    IdentityModule,
    AuthModule,
    WorkspacesModule,
    ExportsModule,
    ApiKeysModule,
    TasksModule,
    DocumentsModule,
    SearchModule,
    AskModule,
    EventsModule,
    OpenApiModule,
  ],
})
export class AppModule {}
