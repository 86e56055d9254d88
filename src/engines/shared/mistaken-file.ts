import { CtXaiError } from '../../core/errors.ts';

/** What a file is that was given as a model and is none, and what to do; undefined where that is not seen. */
export function mistakenFile(bytes: Uint8Array): { readonly what: string; readonly hint: string } | undefined {
  const start = Buffer.from(bytes.subarray(0, 512)).toString('latin1');
  if (start.startsWith('version https://git-lfs')) {
    return {
      what: 'it is a pointer of Git LFS, not the model itself',
      hint: "Fetch the file that it stands for: 'git lfs install', then 'git lfs pull'.",
    };
  }
  if (/^\s*(<!doctype html|<html|<\?xml)/i.test(start)) {
    return {
      what: 'it is a web page, not a model',
      hint: 'Download the file itself: pages of GitHub and Hugging Face have a link that is called raw or download.',
    };
  }
  if (start.startsWith('PK\u0003\u0004') && /archive\/|data\.pkl|\/version/.test(start)) return PYTORCH;
  if (bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5 && bytes[2] !== 0) return PYTORCH;
  if (start.startsWith('\x89HDF')) {
    return { what: 'it is an HDF5 file, as Keras writes them', hint: 'Call it model.h5, so that it is read as one.' };
  }
  if (/^.{8}\{"/s.test(start) && start.includes('"dtype"')) {
    return {
      what: 'it holds weights alone (safetensors), without the network',
      hint: 'Load the weights into the network in Python, and export that as ONNX.',
    };
  }
  return undefined;
}

const PYTORCH = {
  what: 'it is a PyTorch checkpoint, which needs the Python code of its network',
  hint: "Load it in Python and export it: torch.onnx.export(model.eval(), images, 'model.onnx').",
};

/** @throws CtXaiError MODEL where a file is seen to be something else than a model */
export function refuseMistaken(bytes: Uint8Array, file: string): void {
  const found = mistakenFile(bytes);
  if (found) throw new CtXaiError('MODEL', `${file}: ${found.what}.`, { hint: found.hint });
}

/** A message of ONNX Runtime without the names of nodes that this program adds to a graph. */
export function withoutInnerNames(message: string): string {
  return message.replace(/\(?'?ctxai\/[\w./-]+'?\)?/g, 'added by ct-xai-bench');
}
