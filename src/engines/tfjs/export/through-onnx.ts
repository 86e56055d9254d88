import { parsingAsync } from '../../../core/boundary.ts';
import type { Engine, OutputOutline } from '../../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { onnxEngine, openModel } from '../../onnx/onnx-engine.ts';
import { otherChannels } from '../../shared/other-channels.ts';
import { supportedCard } from '../../shared/supported-card.ts';
import { nativePackage } from '../devices/tfjs-devices.ts';
import { readModelFiles } from '../keras/model-files.ts';
import { runOnce } from '../measure-outputs.ts';
import { type GraphOutput, outputsOf } from '../network/outline-graph.ts';
import { leadingTo } from '../network/tfjs-layers.ts';
import { outlineOf } from '../tfjs-engine.ts';
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
    const boundary = { code: 'MODEL', what: `${card.file}: the model can't be opened` } as const;
    const model = await parsingAsync(boundary, () => openModel(rest, options, graphOf));
    return Object.assign(model, { runtime: { ...model.runtime, note: 'a TF.js layers model, exported to ONNX' } });
  },

  async outline(file) {
    if (/\.onnx$/i.test(file)) return onnxEngine.outline!(file);
    const files = await readModelFiles(file);
    const isGraph = files.format === 'graph-model';
    const outputs: readonly Partial<GraphOutput>[] = isGraph ? outputsOf(files) : [{}];
    const outlines = outputs.map(({ name }) => outlineOf(files, name));
    const [rows = null, columns = null, told = null] = outlines[0]?.inputShape ?? [];
    const channels = told ?? 3;
    if (channels !== 1 && channels !== 3) throw otherChannels(file, outlines[0]!.steps[0]!.name, channels);
    const anySize = rows === null || columns === null;
    const untold = isGraph && (anySize || outputs.some(({ shape }) => shape === undefined));
    const names = outlines.map(({ output }) => output);
    const ran = untold ? await runOnce(file, names, [rows, columns, channels]) : undefined;
    const size = ran?.size ?? [rows ?? columns ?? 224, columns ?? rows ?? 224];
    const exported = isGraph ? undefined : exportLayers(files, { size: size as [number, number] });
    const shapeOf = (name: string, i: number) => {
      if (exported) return exported.outputs[0]!.dims.slice(1).map(d => d ?? 1);
      const dims = ran?.shapes[name];
      // What counts something else than images is no row of scores: all its axes are told.
      return dims ? (dims[0] === 1 ? dims.slice(1) : dims) : outputs[i]!.shape;
    };
    return {
      input: {
        name: '',
        layout: 'NHWC',
        channels,
        size,
        anySize,
      },
      outputs: outlines.map(({ output, tail }, i): OutputOutline => {
        const shape = shapeOf(output, i);
        const leadsTo = outlines.filter(
          other => other.output !== output && leadingTo(other.steps, other.output).some(step => step.name === output),
        );
        return {
          name: output,
          leadsTo: leadsTo.map(other => other.output),
          ...(shape ? { shape } : {}),
          ...(tail ? { tail: tail.op } : {}),
        };
      }),
    };
  },

  async declines(card) {
    if (card.format === 'onnx') return undefined;
    const native = nativePackage();
    if (native) return `${native} is installed`;
    try {
      const files = await readModelFiles(card.file);
      await parsingAsync({ code: 'MODEL', what: `${card.file}: its topology can't be followed` }, async () =>
        exportLayers(files, {
          size: supportedCard(card).input.size,
          ...(card.output ? { output: card.output } : {}),
        }),
      );
      return undefined;
    } catch (error) {
      if (error instanceof CtXaiError && error.code === 'OPERATOR') return messageOf(error);
      throw error;
    }
  },
};
