import type { AuditVerdict } from '../analysis/audit.ts';

/** What the audit says of a metric. */
export const AUDIT_WORDS: Readonly<Record<AuditVerdict, string>> = {
  supported: 'supported',
  contradicted: 'contradicted',
  'not shown': 'not shown',
  'supported elsewhere': 'supported on a phantom, untested here',
  'control-dominated': 'control-dominated: do not rank',
  untested: 'untested here',
};
