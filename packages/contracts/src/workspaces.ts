import { z } from 'zod';
import { pageOf, pageQuery } from './paging.js';
import { Role } from './permissions.js';
import { text } from './text.js';

const name = text().trim().min(1).max(120);

export const CreateWorkspace = z.strictObject({ name }).meta({ id: 'CreateWorkspace' });
export type CreateWorkspace = z.infer<typeof CreateWorkspace>;

export const PatchWorkspace = z
  .strictObject({ name: name.optional() })
  .meta({ id: 'PatchWorkspace' });
export type PatchWorkspace = z.infer<typeof PatchWorkspace>;

export const Workspace = z
  .object({
    id: z.uuid(),
    name: z.string(),
    role: Role.meta({ description: 'Of the caller.' }),
    personal: z.boolean().meta({ description: 'Made with the account; it cannot be deleted.' }),
    version: z.int(),
    createdAt: z.iso.datetime(),
    deletionDueAt: z.iso
      .datetime()
      .nullable()
      .meta({ description: 'When everything in it will be gone; until then it can be restored.' }),
  })
  .meta({ id: 'Workspace' });
export type Workspace = z.infer<typeof Workspace>;

export const ListWorkspaces = z.strictObject(pageQuery);
export type ListWorkspaces = z.infer<typeof ListWorkspaces>;

export const WorkspacePage = pageOf(Workspace).meta({ id: 'WorkspacePage' });
export type WorkspacePage = z.infer<typeof WorkspacePage>;

export const Member = z
  .object({
    userId: z.uuid(),
    email: z.string(),
    name: z.string().nullable(),
    role: Role,
    joinedAt: z.iso.datetime(),
  })
  .meta({ id: 'Member' });
export type Member = z.infer<typeof Member>;

export const PatchMember = z.strictObject({ role: Role }).meta({ id: 'PatchMember' });
export type PatchMember = z.infer<typeof PatchMember>;

export const MemberPage = pageOf(Member).meta({ id: 'MemberPage' });
export type MemberPage = z.infer<typeof MemberPage>;

export const CreateInvitation = z
  .strictObject({
    email: z
      .string()
      .trim()
      .max(254)
      .pipe(z.email())
      .transform((address) => address.toLowerCase()),
    role: Role,
  })
  .meta({ id: 'CreateInvitation' });
export type CreateInvitation = z.infer<typeof CreateInvitation>;

/** Without its token: that one goes to the address and nowhere else. */
export const Invitation = z
  .object({
    id: z.uuid(),
    email: z.string(),
    role: Role,
    invitedBy: z.uuid(),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'Invitation' });
export type Invitation = z.infer<typeof Invitation>;

export const InvitationPage = pageOf(Invitation).meta({ id: 'InvitationPage' });
export type InvitationPage = z.infer<typeof InvitationPage>;

export const AcceptInvitation = z
  .strictObject({ token: z.string().min(1).max(200) })
  .meta({ id: 'AcceptInvitation' });
export type AcceptInvitation = z.infer<typeof AcceptInvitation>;
