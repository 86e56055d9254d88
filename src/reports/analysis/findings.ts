import type { Manifest } from '../../results/rows.ts';
import type { Finding, ModelAnalysis } from './types.ts';

export function findingsOf(_manifest: Manifest, _models: readonly ModelAnalysis[]): Finding[] {
  return [];
}
