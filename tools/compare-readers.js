// Compares the DICOM and NIfTI readers, value by value, with pydicom and nibabel on the test files of these packages:
//   node tools/compare-readers.js --python PATH [--table docs/data-readers.md]
// PATH is a Python with pydicom, nibabel, pylibjpeg, pylibjpeg-libjpeg, pylibjpeg-openjpeg and pyjpegls.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compareFile } from './compare-readers/compare.js';
import { tableOf } from './compare-readers/table.js';

const { values } = parseArgs({
  options: { python: { type: 'string', default: 'python3' }, table: { type: 'string' } },
});
const folder = mkdtempSync(join(tmpdir(), 'ct-xai-readers-'));
try {
  const script = fileURLToPath(new URL('compare-readers/references.py', import.meta.url));
  execFileSync(values.python, [script, folder], { stdio: ['ignore', 'inherit', 'inherit'] });
  const references = JSON.parse(readFileSync(join(folder, 'references.json'), 'utf8'));
  const rows = [];
  for (const entry of references.files) rows.push({ ...entry, ...(await compareFile(entry, folder)) });
  for (const row of rows.filter(r => r.outcome === 'differs')) console.log(`DIFFERS ${row.file}: ${row.detail}`);
  const table = tableOf(references, rows);
  if (values.table) writeFileSync(values.table, table);
  else console.log(table);
  if (rows.some(r => r.outcome === 'differs')) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}
