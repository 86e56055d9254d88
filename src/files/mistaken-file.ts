import { closeSync, existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CtXaiError } from '../core/errors.ts';
import { openRegularSync, readAt } from './regular.ts';

/** What a file is that was given as a model, and what to do. */
export interface MistakenFile {
  readonly what: string;
  readonly hint: string;
}

const PYTORCH: MistakenFile = {
  what: 'it is a PyTorch checkpoint, which needs the Python code of its network',
  hint: "Load it in Python and export it: torch.onnx.export(model.eval(), images, 'model.onnx').",
};

const SAFETENSORS: MistakenFile = {
  what: 'it holds weights alone (safetensors), without the network',
  hint: 'Load the weights into the network in Python, and export that as ONNX.',
};

const TFLITE: MistakenFile = {
  what: 'it is a model of TensorFlow Lite',
  hint: 'Convert it: python -m tf2onnx.convert --tflite FILE --output model.onnx.',
};

const SAVED_MODEL: MistakenFile = {
  what: 'it is a SavedModel of TensorFlow',
  hint: 'Convert it: python -m tf2onnx.convert --saved-model FOLDER --output model.onnx.',
};

const OPENVINO: MistakenFile = {
  what: 'it is a model of OpenVINO',
  hint: 'Export the network that it was made of as ONNX: there is no way back from OpenVINO.',
};

const ORT_FORMAT: MistakenFile = {
  what: "it is a model in ONNX Runtime's own format (.ort)",
  hint: 'Give the .onnx file that it was made of.',
};

const ARCHIVE: MistakenFile = { what: 'it is an archive', hint: 'Unpack it, and give the model file that is in it.' };

/** What a file is that was given as a model and is none, by its first bytes; undefined where that is not seen. */
export function mistakenFile(bytes: Uint8Array): MistakenFile | undefined {
  if (bytes.length === 0) return { what: 'it is empty', hint: 'Export, copy or download it again.' };
  const start = Buffer.from(bytes.subarray(0, 4096)).toString('latin1');
  if (start.startsWith('version https://git-lfs')) {
    return {
      what: 'it is a pointer of Git LFS, not the model itself',
      hint: "Fetch the file that it stands for: 'git lfs install', then 'git lfs pull'.",
    };
  }
  if (/^\s*(?:<\?xml[^>]*>\s*)?<net\b/.test(start)) return OPENVINO;
  if (/^\s*(<!doctype html|<html|<\?xml)/i.test(start)) {
    return {
      what: 'it is a web page, not a model',
      hint: 'Download the file itself: pages of GitHub and Hugging Face have a link that is called raw or download.',
    };
  }
  if (start.startsWith('PK\u0003\u0004') && /model\.weights\.h5|metadata\.json/.test(start)) {
    return { what: 'it is an archive of Keras', hint: 'Call it model.keras, so that it is read as one.' };
  }
  if (start.startsWith('PK\u0003\u0004')) return /archive\/|data\.pkl|\/version/.test(start) ? PYTORCH : ARCHIVE;
  if (bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5 && bytes[2] !== 0) return PYTORCH;
  if (start.startsWith('\x89HDF')) {
    return { what: 'it is an HDF5 file, as Keras writes them', hint: 'Call it model.h5, so that it is read as one.' };
  }
  if (/^.{8}\{"/s.test(start) && start.includes('"dtype"')) return SAFETENSORS;
  if (start.startsWith('TFL3', 4)) return TFLITE;
  if (start.startsWith('ORTM', 4)) return ORT_FORMAT;
  if (start.startsWith('\x1f\x8b') || start.startsWith('7z\xbc\xaf') || start.startsWith('ustar', 257)) return ARCHIVE;
  if (/^(\x89PNG|\xff\xd8\xff|GIF8|BM.{4}\0\0\0\0)/s.test(start) || start.startsWith('DICM', 128)) {
    return {
      what: 'it is an image, not a model',
      hint: "Give the model first, then the images: 'ct-xai init MODEL DATA'.",
    };
  }
  return isText(bytes) ? textFile(start) : undefined;
}

/** Short files of letters alone, such as what a server says in place of a download. */
function isText(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 4096).every(byte => byte >= 0x20 || byte === 9 || byte === 10 || byte === 13);
}

function textFile(start: string): MistakenFile {
  const line = start.trim().split('\n')[0]!.slice(0, 60);
  return { what: `${TEXT}, which begins "${line}"`, hint: 'Was it downloaded whole? Download or copy it again.' };
}

/** Formats of other programs, by the ending of their files. */
const ENDINGS: readonly (readonly [RegExp, MistakenFile])[] = [
  [/\.(pt|pth|ckpt|pt2|torchscript)$/i, PYTORCH],
  [/\.safetensors$/i, SAFETENSORS],
  [/saved_model\.pb$/i, SAVED_MODEL],
  [
    /\.pb$/i,
    {
      what: 'it is a graph of TensorFlow',
      hint: 'Convert it: python -m tf2onnx.convert --graphdef FILE --inputs NAME:0 --outputs NAME:0 --output model.onnx.',
    },
  ],
  [/\.tflite$/i, TFLITE],
  [/\.xml$/i, OPENVINO],
  [/\.ort$/i, ORT_FORMAT],
  [/\.(zip|tar|gz|tgz|7z|rar|mar)$/i, ARCHIVE],
  [
    /\.(trt|engine|plan)$/i,
    { what: 'it is an engine of TensorRT, built for one GPU', hint: 'Give the .onnx file that it was built from.' },
  ],
  [
    /\.pd(model|iparams)$/i,
    { what: 'it is a model of PaddlePaddle', hint: 'Convert it with paddle2onnx, and give the .onnx file.' },
  ],
  [
    /\.(mlmodel|mlpackage|mlmodelc)$/i,
    { what: 'it is a model of Core ML', hint: 'Export the network that it was made of as ONNX.' },
  ],
  [
    /\.(caffemodel|prototxt)$/i,
    { what: 'it is a network of Caffe', hint: 'Convert it to ONNX, for instance with MMdnn or caffe2onnx.' },
  ],
  [
    /\.mat$/i,
    { what: 'it is a file of MATLAB', hint: "Export the network there: exportONNXNetwork(net, 'model.onnx')." },
  ],
  [
    /\.(pkl|pickle|joblib)$/i,
    {
      what: 'it is a pickled object of Python, which needs the code that made it',
      hint: 'Load it in Python and export the network as ONNX.',
    },
  ],
  [
    /\.(nii|nii\.gz|dcm|png|jpe?g|tiff?|mha|mhd|np[yz]|csv)$/i,
    { what: 'it is data, not a model', hint: "Give the model first, then the data: 'ct-xai init MODEL DATA'." },
  ],
];

const TEXT = 'it is a text';

/** Kinds of content that files of several formats have. */
const VAGUE: ReadonlySet<string> = new Set([ARCHIVE.what, PYTORCH.what, SAFETENSORS.what]);

const UNKNOWN: MistakenFile = {
  what: 'it is not a .onnx, .json, .h5, .hdf5 or .keras file',
  hint: "Export the model as ONNX. PyTorch: torch.onnx.export(model.eval(), images, 'model.onnx').",
};

/** What a file, or a folder, is whose ending is that of no model that is read. */
export function mistakenPath(path: string): MistakenFile {
  if (isFolder(path)) return mistakenFolder(path);
  const byName = ENDINGS.find(([ending]) => ending.test(basename(path)))?.[1];
  const seen = mistakenFile(firstBytes(path));
  // A text, an archive or a pickle may be a model of a kind that its name tells.
  const vague = seen === undefined || VAGUE.has(seen.what) || seen.what.startsWith(TEXT);
  return (vague ? (byName ?? seen) : seen) ?? UNKNOWN;
}

function mistakenFolder(path: string): MistakenFile {
  const names = readdirSync(path);
  if (names.includes('saved_model.pb')) {
    return { ...SAVED_MODEL, hint: SAVED_MODEL.hint.replace('FOLDER', basename(path)) };
  }
  const other = names.find(name => ENDINGS.slice(0, -1).some(([ending]) => ending.test(name)));
  if (other) {
    const { what, hint } = mistakenPath(join(path, other));
    return { what: `it has no model that is read. Of ${other}: ${what}`, hint };
  }
  const models = names.filter(name => /\.(onnx|h5|hdf5|keras|json)$/i.test(name)).slice(0, 3);
  return {
    what: 'it is a folder without model.onnx, model.json, model.h5 or model.keras',
    hint: models.length > 0 ? `Give the file itself: ${models.join(' or ')}.` : 'Give the model file itself.',
  };
}

const isFolder = (path: string) => existsSync(path) && statSync(path).isDirectory();

function firstBytes(path: string): Uint8Array {
  const { descriptor, size } = openRegularSync(path);
  try {
    return readAt(descriptor, 0, Math.min(size, 4096));
  } finally {
    closeSync(descriptor);
  }
}

/** @throws CtXaiError MODEL where a file is seen to be something else than a model */
export function refuseMistaken(bytes: Uint8Array, file: string): void {
  const found = mistakenFile(bytes);
  if (found) throw new CtXaiError('MODEL', `${file}: ${found.what}.`, { hint: found.hint });
}
