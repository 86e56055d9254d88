import { attr } from '../../../onnx/graph/graph.ts';
import type { LayerWriter, Value, Writer } from '../export-context.ts';

/** Whether `axis` names the last dimension only. */
function overLast(layer: LayerWriter, { shape }: Value): boolean {
  const axes = layer.settings.numbers('axis');
  return axes.every(axis => axis === -1 || axis === shape.length);
}

const batchNormalization: Writer = (layer, [x]) => {
  if (!overLast(layer, x!)) throw layer.unsupported('an axis other than the last');
  if (x!.shape.length === 2) throw layer.unsupported('a sequence as its input');
  const mean = layer.weight('moving_mean');
  const weight = (role: string, there: boolean, otherwise: number) => {
    const data = there ? layer.weight(role).data : new Float32Array(mean.data.length).fill(otherwise);
    return layer.floats(role, mean.shape, data);
  };
  const { settings } = layer;
  const inputs = [
    x!.name,
    weight('gamma', settings.flag('scale', true), 1),
    weight('beta', settings.flag('center', true), 0),
    layer.floats('mean', mean.shape, mean.data),
    weight('moving_variance', true, 1),
  ];
  const epsilon = attr.float(settings.number('epsilon', 1e-3));
  return { ...x!, name: layer.op('BatchNormalization', inputs, { epsilon }) };
};

const layerNormalization: Writer = (layer, [x]) => {
  if (!overLast(layer, x!)) throw layer.unsupported('axes other than the last');
  const { settings } = layer;
  const size = x!.shape.at(-1)!;
  const gamma = settings.flag('scale', true) ? layer.weight('gamma').data : new Float32Array(size).fill(1);
  const beta = settings.flag('center', true) ? [layer.floats('beta', [size], layer.weight('beta').data)] : [];
  const inputs = [layer.channelsLast(x!), layer.floats('gamma', [size], gamma), ...beta];
  const attrs = { axis: attr.int(-1), epsilon: attr.float(settings.number('epsilon', 1e-3)) };
  return layer.channelsFirst(layer.op('LayerNormalization', inputs, attrs), x!.shape);
};

/** Channels in groups, each normalised over its pixels and channels. TF.js has no such layer. */
const groupNormalization: Writer = (layer, [x]) => {
  if (!overLast(layer, x!)) throw layer.unsupported('an axis other than the last');
  const [h, w, channels] = layer.image(x!);
  const { settings } = layer;
  const wanted = settings.number('groups', 32);
  const groups = wanted === -1 ? channels : wanted;
  const name = layer.op(
    'InstanceNormalization',
    [
      layer.op('Reshape', [x!.name, layer.ints([0, groups, -1])]),
      layer.floats('ones', [groups], new Float32Array(groups).fill(1)),
      layer.floats('zeros', [groups], new Float32Array(groups)),
    ],
    { epsilon: attr.float(settings.number('epsilon', 1e-3)) },
  );
  const perChannel = (op: string, to: string, role: string, there: boolean) =>
    there ? layer.op(op, [to, layer.floats(role, [channels, 1, 1], layer.weight(role).data)]) : to;
  const back = layer.op('Reshape', [name, layer.ints([0, channels, h, w])]);
  const scaled = perChannel('Mul', back, 'gamma', settings.flag('scale', true));
  return { ...x!, name: perChannel('Add', scaled, 'beta', settings.flag('center', true)) };
};

/** Keras: (x − mean) / max(√variance, 1e-7), learnt or given. TF.js has no such layer. */
const normalization: Writer = (layer, [x]) => {
  if (!overLast(layer, x!)) throw layer.unsupported('an axis other than the last');
  const { settings } = layer;
  if (settings.flag('invert', false)) throw layer.unsupported('invert');
  const channels = x!.shape.at(-1)!;
  const [mean, variance] = (['mean', 'variance'] as const).map(role => {
    if (!settings.has('mean')) return layer.weight(role).data;
    const values = settings.numbers(role);
    if (values.length !== 1 && values.length !== channels)
      throw layer.unsupported(`${values.length} values of '${role}'`);
    return Float32Array.from({ length: channels }, (_, c) => values[values.length === 1 ? 0 : c]!);
  }) as [Float32Array, Float32Array];
  const shape = x!.shape.length === 3 ? [mean.length, 1, 1] : [mean.length];
  const scale = variance.map(v => Math.max(Math.sqrt(v), 1e-7));
  const centred = layer.op('Sub', [x!.name, layer.floats('mean', shape, mean)]);
  return { ...x!, name: layer.op('Div', [centred, layer.floats('deviation', shape, scale)]) };
};

const rescaling: Writer = (layer, [x]) => {
  const channels = x!.shape.at(-1)!;
  const factor = (key: string, otherwise: number) => {
    const values = layer.settings.numbers(key);
    if (values.length <= 1) return layer.scalar(values[0] ?? otherwise);
    if (values.length !== channels) throw layer.unsupported(`${values.length} values of '${key}'`);
    return layer.floats(key, x!.shape.length === 3 ? [channels, 1, 1] : [channels], values);
  };
  const scaled = layer.op('Mul', [x!.name, factor('scale', 1)]);
  return { ...x!, name: layer.op('Add', [scaled, factor('offset', 0)]) };
};

/** ConvNeXt's: every channel has a factor. TF.js has no such layer. */
const layerScale: Writer = (layer, [x]) => {
  const { data } = layer.weight('gamma');
  const factors = layer.floats('gamma', x!.shape.length === 3 ? [data.length, 1, 1] : [data.length], data);
  return { ...x!, name: layer.op('Mul', [x!.name, factors]) };
};

export const normalisationLayers: Readonly<Record<string, Writer>> = {
  BatchNormalization: batchNormalization,
  GroupNormalization: groupNormalization,
  LayerNormalization: layerNormalization,
  LayerScale: layerScale,
  Normalization: normalization,
  Rescaling: rescaling,
};
