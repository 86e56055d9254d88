/**
 * Values of tags that errors may repeat: defined terms of DICOM. Anything else, such as what stands there in a damaged
 * file, may be a name.
 */
const TERMS = new Set([
  ...[
    'CT',
    'MR',
    'PT',
    'NM',
    'US',
    'CR',
    'DX',
    'MG',
    'XA',
    'RF',
    'OT',
    'SC',
    'SR',
    'PR',
    'KO',
    'SEG',
    'REG',
    'ECG',
    'IO',
  ],
  ...['RTSTRUCT', 'RTDOSE', 'RTPLAN', 'RTIMAGE', 'RTRECORD', 'DOC', 'HD', 'ES', 'XC', 'GM', 'SM', 'OP', 'OPT', 'RWV'],
  ...['MONOCHROME1', 'MONOCHROME2', 'PALETTE COLOR', 'RGB', 'YBR_FULL', 'YBR_FULL_422', 'YBR_PARTIAL_420', 'YBR_ICT'],
  ...['YBR_RCT', 'HSV', 'ARGB', 'CMYK'],
  ...['HU', 'OD', 'US', 'MGML', 'Z_EFF', 'ED', 'EDW', 'HU_MOD', 'PCT', 'SUV', 'SUVBW', 'CNTS', 'NORMALIZED'],
]);

/** The value of a tag as errors say it. */
export function term(value: string): string {
  const plain = value.trim();
  if (TERMS.has(plain.toUpperCase()) || /^[0-9.]{1,64}$/.test(plain)) return plain;
  return `something that DICOM does not define (${plain.length} characters)`;
}
