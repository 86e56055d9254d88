import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Dataset } from '../../src/core/contracts/index.ts';
import { messageOf } from '../../src/core/errors.ts';
import { createRng } from '../../src/core/rng.ts';
import { joined, writeElements } from '../../src/data/dicom/write-elements.ts';
import { inspectData } from '../../src/data/inspect/inspect-data.ts';
import { dicom } from '../../src/data/readers/dicom.ts';
import { put, temporaryFolder } from './images.ts';

const base = temporaryFolder();
const CT = '1.2.840.10008.5.1.4.1.1.2';
/** What stands in the planted tags. */
const SECRET = /muster|erika|geheim|90210|1953|quincy|zwettl|acc77|otto|m(ü|ue?)ller|山田/i;

/** A CT slice of 8 × 8 pixels with a name, a number, dates and places in it. */
function slice(number: number, changed: Readonly<Record<string, readonly [string, string]>> = {}): Buffer {
  const meta = writeElements([
    ['00020002', 'UI', CT],
    ['00020010', 'UI', changed['00020010']?.[1] ?? '1.2.840.10008.1.2.1'],
  ]);
  const values: Record<string, readonly [string, string]> = {
    '00080016': ['UI', CT],
    '00080018': ['UI', `1.2.3.${number}`],
    '00080020': ['DA', '19530417'],
    '00080050': ['SH', 'ACC77123'],
    '00080060': ['CS', 'CT'],
    '00080080': ['LO', 'Spital Zwettlheim'],
    '00080090': ['PN', 'Quincy^Doktor'],
    '00081070': ['PN', 'Opfer^Otto'],
    '00100010': ['PN', 'Mustermann^Erika'],
    '00100020': ['LO', 'GEHEIM-90210'],
    '00100030': ['DA', '19530417'],
    '00104000': ['LT', 'Mustermann is ill'],
    '0020000d': ['UI', '1.2.4'],
    '0020000e': ['UI', '1.2.5'],
    '00200032': ['DS', `0\\0\\${2 * number}`],
    '00200037': ['DS', '1\\0\\0\\0\\1\\0'],
    '00280004': ['CS', 'MONOCHROME2'],
    '00280030': ['DS', '1\\1'],
    '00281052': ['DS', '-1024'],
    '00281053': ['DS', '1'],
    ...changed,
  };
  delete values['00020010'];
  const set = writeElements([
    ...Object.entries(values).map(([tag, [vr, value]]) => [tag, vr, value] as const),
    ['00280010', 'US', 8],
    ['00280011', 'US', 8],
    ['00280100', 'US', 16],
    ['7fe00010', 'OW', new Uint8Array(128).fill(number + 1)],
  ]);
  const preamble = new Uint8Array(132);
  preamble.set(Buffer.from('DICM'), 128);
  return Buffer.from(joined([preamble, meta, set]));
}

/** All that can reach a run folder, a log or an error. */
async function allThatIsSaid(path: string): Promise<string> {
  let dataset: Dataset;
  try {
    dataset = await dicom.open({ path }, { base });
  } catch (error) {
    return `${messageOf(error)} ${JSON.stringify(error)}`.replaceAll(base, '');
  }
  const said: unknown[] = [{ ...dataset, samples: undefined }, await inspectData(dataset)];
  for await (const sample of dataset.samples()) {
    const { load: _, source, ...rest } = sample;
    said.push(rest, source);
    await sample.load().then(
      found => said.push(found.source.acquisition),
      error => said.push(messageOf(error), error.hint),
    );
  }
  return JSON.stringify(said).replaceAll(base, '');
}

it('names, numbers, dates and places of patients are in nothing that is said, whatever is wrong with a file', async () => {
  const at = (name: string) => join('planted/Mustermann Erika', name);
  put(base, at('IM_Mustermann_0.dcm'), slice(0));
  put(base, at('1.dcm'), slice(1));
  put(base, at('type.dcm'), slice(2, { '00281054': ['LO', 'Mustermann'] }));
  put(base, at('modality.dcm'), slice(3, { '00080060': ['CS', 'ERIKA'] }));
  put(base, at('photo.dcm'), slice(4, { '00280004': ['CS', 'MUSTERMANN'] }));
  put(base, at('syntax.dcm'), slice(5, { '00020010': ['UI', 'GEHEIM-90210'] }));
  put(base, at('Erika_pixels.dcm'), slice(6).subarray(0, -40));
  put(base, at('Erika_cut.dcm'), slice(7).subarray(0, slice(7).indexOf('Mustermann is ill') + 6));
  const said = await allThatIsSaid('planted');
  expect(said).toMatch(/patient-[0-9a-f]{10}/);
  expect(said).toMatch(/something that DICOM does not define/);
  expect(said).not.toMatch(SECRET);
});

it('nor are they where folders are called after them, in whatever alphabet', async () => {
  const utf8 = { '00080005': ['CS', 'ISO_IR 192'], '00100010': ['PN', 'Müller^Jutta=山田^花子'] } as const;
  put(base, 'Müller/Jutta Müller_17.04.1953/ACC77123/a.dcm', slice(0, utf8));
  put(base, 'Müller/山田花子/19530417/1.2.840.1.2.5/b.dcm', slice(1, utf8));
  put(base, 'Müller/MullerJutta/GEHEIM90210/c.dcm', slice(2, utf8));
  const said = await allThatIsSaid('Müller');
  expect(said).not.toMatch(SECRET);
  expect(said).not.toMatch(/Jutta/);
});

it('nor where no file of the folder can be read', async () => {
  put(base, 'cut/GEHEIM-90210/Mustermann.dcm', slice(0).subarray(0, slice(0).indexOf('Mustermann is ill') + 6));
  const said = await allThatIsSaid('cut');
  expect(said).toMatch(/no DICOM image of CT was found/);
  expect(said).not.toMatch(SECRET);
});

it('nor of 300 files that are damaged anywhere', async () => {
  const rng = createRng('privacy');
  for (let n = 0; n < 300; n++) {
    const bytes = slice(n);
    for (let k = rng.int(4); k >= 0; k--) {
      const where = 132 + rng.int(bytes.length - 132);
      // Names themselves stay whole, so that they would be found.
      if (!SECRET.test(bytes.subarray(Math.max(0, where - 30), where + 30).toString('latin1')))
        bytes[where] = rng.int(256);
    }
    put(base, `damaged/${n}.dcm`, bytes);
  }
  expect(await allThatIsSaid('damaged')).not.toMatch(SECRET);
});
