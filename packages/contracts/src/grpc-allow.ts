/** A workload of this system, as its certificate's one SPIFFE URI names it. */
export type Workload = 'auth' | 'api' | 'worker';

export const trustDomain = 'capstone.internal';

/**
 * Which workload may call which gRPC method. What is not here is denied, and a server refuses to start when it
 * registers a method that is missing here. Network policies are made from the same table.
 */
export const grpcAllow: Readonly<Record<string, readonly Workload[]>> = {
  '/capstone.auth.v1.AccountsService/Register': ['api'],
  '/capstone.auth.v1.AccountsService/Login': ['api'],
  '/capstone.auth.v1.MfaService/VerifyMfa': ['api'],
  '/capstone.auth.v1.AccountsService/StepUp': ['api'],
  '/capstone.auth.v1.AccountsService/ChangePassword': ['api'],
  '/capstone.auth.v1.MfaService/EnrolTotp': ['api'],
  '/capstone.auth.v1.MfaService/ConfirmTotp': ['api'],
  '/capstone.auth.v1.MfaService/RemoveTotp': ['api'],
  '/capstone.auth.v1.SessionsService/Refresh': ['api'],
  '/capstone.auth.v1.SessionsService/Logout': ['api'],
  '/capstone.auth.v1.SessionsService/GetMe': ['api'],
  '/capstone.auth.v1.SessionsService/ListSessions': ['api'],
  '/capstone.auth.v1.SessionsService/EndSession': ['api'],
  '/capstone.auth.v1.SessionsService/EndOtherSessions': ['api'],
  '/capstone.auth.v1.SessionsService/SwitchWorkspace': ['api'],
  '/capstone.auth.v1.WorkspacesService/CreateWorkspace': ['api'],
  '/capstone.auth.v1.WorkspacesService/ListWorkspaces': ['api'],
  '/capstone.auth.v1.WorkspacesService/GetWorkspace': ['api'],
  '/capstone.auth.v1.WorkspacesService/RenameWorkspace': ['api'],
  '/capstone.auth.v1.WorkspacesService/DeleteWorkspace': ['api'],
  '/capstone.auth.v1.WorkspacesService/RestoreWorkspace': ['api'],
  '/capstone.auth.v1.WorkspacesService/BeginExport': ['api'],
  '/capstone.auth.v1.WorkspacesService/ListMembers': ['api'],
  '/capstone.auth.v1.WorkspacesService/ChangeRole': ['api'],
  '/capstone.auth.v1.WorkspacesService/RemoveMember': ['api'],
  '/capstone.auth.v1.InvitationsService/CreateInvitation': ['api'],
  '/capstone.auth.v1.InvitationsService/ListInvitations': ['api'],
  '/capstone.auth.v1.InvitationsService/DeleteInvitation': ['api'],
  '/capstone.auth.v1.InvitationsService/AcceptInvitation': ['api'],
  '/capstone.auth.v1.ApiKeysService/CreateApiKey': ['api'],
  '/capstone.auth.v1.ApiKeysService/ListApiKeys': ['api'],
  '/capstone.auth.v1.ApiKeysService/RevokeApiKey': ['api'],
  '/capstone.auth.v1.ApiKeysService/VerifyApiKey': ['api'],
  '/capstone.auth.v1.AuditService/ListAuditEvents': ['api'],
  '/capstone.auth.v1.AuditService/RecordDenials': ['api'],
  '/capstone.auth.v1.DeletionsService/GetDeletion': ['worker'],
  '/capstone.auth.v1.DeletionsService/CompleteDeletion': ['worker'],
  '/capstone.auth.v1.KeysService/GetJwks': ['api', 'worker'],
  '/capstone.auth.v1.RevocationsService/ListRevocations': ['api'],
  '/grpc.health.v1.Health/Check': ['auth', 'api', 'worker'],
};
