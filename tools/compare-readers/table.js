const LIBRARIES = { pydicom: 'DICOM, against pydicom', nibabel: 'NIfTI, against nibabel' };
const OUTCOMES = {
  equal: 'read, and every value is equal',
  close: 'read, and values differ by at most 1 (JPEG with loss: its standard leaves the last bit open)',
  read: 'read, and the reference library does not read it',
  refused: 'refused',
  differs: 'read, and values differ',
};

/** The comparison as a page: counts, then a line a file; files of one folder that are refused alike share a line. */
export function tableOf({ pydicom, nibabel }, rows) {
  const versions = { pydicom, nibabel };
  const parts = Object.entries(LIBRARIES).flatMap(([library, title]) => {
    const own = rows.filter(r => r.library === library);
    const count = outcome => own.filter(r => r.outcome === outcome).length;
    const counts = Object.entries(OUTCOMES).flatMap(([o, words]) => (count(o) > 0 ? [`- ${count(o)} ${words}`] : []));
    return [
      `## ${title} ${versions[library]}`,
      '',
      `${own.length} files:`,
      '',
      ...counts,
      '',
      '| File | What it is | Encoding | Outcome |',
      '|---|---|---|---|',
      ...grouped(own).map(lineOf),
      '',
    ];
  });
  return `${[HEAD, ...parts].join('\n').trimEnd()}\n`;
}

const HEAD = `# The readers against pydicom and nibabel

Written by \`node tools/compare-readers.js\`: every DICOM and NIfTI file that the packages pydicom and nibabel bring along
for their own tests, read by both sides. Compared are the stored values of all frames, for CT also the Hounsfield units,
and for NIfTI the scaled values and the place of all eight corners in millimetres. "Equal" allows no difference in DICOM,
and float32 rounding in NIfTI. The readers take what a CT classifier can use; all else is refused with its reason.
`;

/** Neighbours that are refused for the same reason, in one folder, as one line. */
function grouped(rows) {
  const out = [];
  for (const row of rows) {
    const folder = row.file.split('/').slice(0, -1).join('/');
    const last = out.at(-1);
    const same = last && last.folder === folder && last.outcome === 'refused' && last.detail === row.detail;
    if (row.outcome === 'refused' && same && last.what === row.what && last.encoding === row.encoding) last.more++;
    else out.push({ ...row, folder, more: 0 });
  }
  return out;
}

function lineOf({ file, what = '', encoding = '', outcome, detail, more, error }) {
  const name = more > 0 ? `${file} and ${more} like it` : file;
  const said = {
    equal: 'equal',
    close: `equal within 1: ${detail}`,
    read: `read; ${detail}`,
    refused: `refused: ${detail}`,
    differs: `differs: ${detail}`,
  };
  const both = outcome === 'refused' && error !== undefined && !detail.includes(error) ? ', and by the reference' : '';
  return `| ${[name, what, encoding, said[outcome] + both].map(cell).join(' | ')} |`;
}

function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
