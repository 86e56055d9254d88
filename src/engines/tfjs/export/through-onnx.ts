import type { Engine } from '../../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { onnxEngine, openModel } from '../../onnx/onnx-engine.ts';
import { supportedCard } from '../../shared/supported-card.ts';
import { nativePackage } from '../devices/tfjs-devices.ts';
import { readModelFiles } from '../keras/model-files.ts';
import { exportLayers } from './index.ts';

/** The ONNX engine, which also runs layers models of TF.js, exported on the fly: several times as fast as wasm. */
export const onnxWithTfjs: Engine = {
  ...onnxEngine,
  formats: [...onnxEngine.formats, 'tfjs'],

  async open(card, options) {
    if (card.format === 'onnx') return onnxEngine.open(card, options);
    const { size } = supportedCard(card).input;
    const chosen = card.output === undefined ? {} : { output: card.output };
    const graphOf = async (file: string) => exportLayers(await readModelFiles(file), { size, ...chosen });
    // The output's name is the layer's; the graph has one output.
    const { output: _, ...rest } = card;
    const model = await openModel(rest, options, graphOf);
    return Object.assign(model, { runtime: { ...model.runtime, note: 'a TF.js layers model, exported to ONNX' } });
  },

  async declines(card) {
    if (card.format === 'onnx') return undefined;
    const native = nativePackage();
    if (native) return `${native} is installed`;
    try {
      exportLayers(await readModelFiles(card.file), {
        size: supportedCard(card).input.size,
        ...(card.output ? { output: card.output } : {}),
      });
      return undefined;
    } catch (error) {
      if (error instanceof CtXaiError && error.code === 'OPERATOR') return messageOf(error);
      throw error;
    }
  },
};
