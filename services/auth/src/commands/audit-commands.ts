import { AuditCheckpointsService } from '../audit/audit-checkpoints.service.js';
import { AuditVerificationService } from '../audit/audit-verification.service.js';
import type { Command } from './command.js';

export const auditVerify: Command = {
  name: 'audit verify',
  takes: '[file]',
  does: 'recomputes every chain of audit events and names the first bad one; file: checkpoints kept elsewhere',
  async run(get, [file], print) {
    const kept = await get(AuditCheckpointsService).readKept(file);
    const report = await get(AuditVerificationService).verify(kept);
    for (const { chainId, seq, what } of report.faults) print(`${chainId}  event ${seq}  ${what}`);
    print(
      `${report.chains} chains, ${report.events} events, ${report.checkpoints} checkpoints: ${report.faults.length === 0 ? 'whole' : `${report.faults.length} not whole`}`,
    );
    return report.faults.length === 0 ? 0 : 1;
  },
};
