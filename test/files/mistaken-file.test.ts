import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mistakenFile, mistakenPath } from '../../src/files/mistaken-file.ts';
import { temporaryFolder } from '../results/fixture.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');

test.each([
  ['', /empty/],
  ['{"error":"Invalid username or password."}', /text, which begins "\{"error":"Invalid/],
  ['<?xml version="1.0"?>\n<net name="x" version="11">', /OpenVINO/],
  ['PK\u0003\u0004....model.onnx', /archive/],
  ['PK\u0003\u0004....metadata.json', /archive of Keras/],
  ['\x1f\x8b\x08', /archive/],
  ['\x1c\0\0\0TFL3', /TensorFlow Lite/],
  ['\x1c\0\0\0ORTM', /ONNX Runtime's own format/],
  ['\x89PNG\r\n\x1a\n', /image/],
])('content %j is seen to be no model', (content, what) => {
  expect(mistakenFile(bytes(content))?.what).toMatch(what);
});

test.each([
  ['weights.pt', 'PK\u0003\u0004 archive/data.pkl', /PyTorch/, /torch\.onnx\.export/],
  ['net.pkl', '\x80\x04}q\x01', /pickled/, /Python/],
  ['graph.pb', '\x08\x01\x12\x10', /graph of TensorFlow/, /tf2onnx/],
  ['net.zip', 'PK\u0003\u0004 net.onnx', /archive/, /Unpack/],
  ['net.xml', '<?xml version="1.0"?>\n<net>', /OpenVINO/, /ONNX/],
  ['net.mat', 'MATLAB 5.0 MAT-file', /MATLAB/, /exportONNXNetwork/],
  ['net.engine', '\x01\x02', /TensorRT/, /\.onnx/],
  ['net.pth', '<!DOCTYPE html>', /web page/, /raw/],
  ['scan.nii', '\x5c\x01', /data, not a model/, /init MODEL DATA/],
  ['net.xyz', '\x01\x02', /not a \.onnx/, /Export/],
])('%s is named as what it is', async (name, content, what, hint) => {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, bytes(content));
  const found = mistakenPath(path);
  expect(found.what).toMatch(what);
  expect(found.hint).toMatch(hint);
});

test('folders are named by what lies in them', async () => {
  const folder = await temporaryFolder();
  expect(mistakenPath(folder).what).toMatch(/folder without model\.onnx/);
  await writeFile(join(folder, 'net.onnx'), '');
  expect(mistakenPath(folder).hint).toContain('net.onnx');
  await mkdir(join(folder, 'variables'));
  await writeFile(join(folder, 'saved_model.pb'), '');
  expect(mistakenPath(folder)).toMatchObject({ what: expect.stringMatching(/SavedModel/) });
  expect(mistakenPath(folder).hint).toContain('--saved-model');
});
