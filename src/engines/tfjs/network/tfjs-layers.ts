import { CtXaiError, nearest } from '../../../core/errors.ts';
import { sizeOf } from '../../../core/tensor.ts';
import { depthAt, type Layer, type LayerMap } from '../../shared/layer-map.ts';
import type { Outline, OutlineStep } from './outline.ts';

export type Shapes = Readonly<Record<string, readonly number[]>>;

/** What is known of the values of layers. */
export interface LayerShapes {
  /** Without the batch. */
  readonly shapes: Shapes;
  /** Why values of the shape [rows, columns, channels] do not lie over the image's pixels, by layer. */
  readonly withoutPixels?: ReadonlyMap<string, string>;
}

/** Whether a layer is [h, w, c] with more than one pixel, those of the image. */
function isSpatial({ shapes, withoutPixels }: LayerShapes, name: string): boolean {
  const shape = shapes[name];
  return shape?.length === 3 && shape[0]! * shape[1]! > 1 && !withoutPixels?.has(name);
}

/**
 * The layers of a model, and the one for class activation maps.
 * @param output the step with the scores
 * @param camLayer the card's, instead of the default
 * @throws CtXaiError LAYER if the card's layer is not in the model, or has no pixels.
 */
export function layerMap(outline: Outline, known: LayerShapes, output: string, camLayer?: string): LayerMap {
  const { shapes, withoutPixels } = known;
  const steps = leadingTo(outline.steps, output);
  const byName = new Map(steps.map(step => [step.name, step]));
  const positions: number[] = [];
  const describe = (step: OutlineStep, cam: boolean): Layer => {
    const shape = shapes[step.name]!;
    const spatial = isSpatial(known, step.name);
    const why = withoutPixels?.get(step.name);
    const position = steps.indexOf(step);
    const depth = depthAt(position, positions);
    const about = { name: step.name, shape, operator: step.operator, spatial, cam, position, depth };
    if (spatial) return { ...about, layout: 'NHWC', ...(cam ? { rank: 1 } : {}) };
    return why === undefined ? about : { ...about, notSpatial: why };
  };
  const resolve = (name: string): OutlineStep => {
    const named = byName.get(name) ?? byName.get(outline.aliases.get(name) ?? '');
    const ending = steps.filter(step => step.name.endsWith(`/${name}`));
    const found = named ?? (ending.length === 1 ? ending[0] : undefined);
    if (found && found.operator !== 'Input' && found.name !== output) return found;
    const near = nearest(name, [...byName.keys()]);
    throw new CtXaiError('LAYER', `the model has no layer '${name}'.`, {
      hint: `${near ? `Did you mean '${near}'? ` : ''}'ct-xai explain --list-layers' lists them.`,
    });
  };
  const cam = camLayer === undefined ? defaultCam(steps, known) : resolve(camLayer).name;
  if (camLayer !== undefined && !isSpatial(known, cam!)) {
    const why = withoutPixels?.get(cam!) ?? `its shape is [${shapes[cam!]}]`;
    throw new CtXaiError('LAYER', `the card's camLayer '${camLayer}' has no pixels: ${why}.`);
  }
  const listed = steps.filter(step => {
    const isLayer = !step.plumbing && step.name !== output && (shapes[step.name]?.length ?? 0) === 3;
    return (isLayer || step.name === cam) && sizeOf(shapes[step.name]!) > 0;
  });
  positions.push(...listed.map(step => steps.indexOf(step)));
  const layers = listed.map(step => describe(step, step.name === cam));
  return {
    layers,
    cam: layers.find(layer => layer.cam),
    ...(cam === undefined ? { noCam: whyNone(layers) } : {}),
    find: name => {
      const step = resolve(name);
      return describe(step, step.name === cam);
    },
  };
}

/** Why there is no layer for class activation maps, in words. */
function whyNone(layers: readonly Layer[]): string {
  const last = layers.findLast(layer => layer.notSpatial !== undefined);
  const example = last ? ` The last with several axes, '${last.name}' [${last.shape}]: ${last.notSpatial}.` : '';
  return `no layer's cells follow the pixels of the whole image.${example}`;
}

/** The steps that an output follows from. */
export function leadingTo(steps: readonly OutlineStep[], output: string): readonly OutlineStep[] {
  const wanted = new Set([output]);
  for (const step of steps.toReversed()) if (wanted.has(step.name)) for (const input of step.inputs) wanted.add(input);
  return steps.filter(step => wanted.has(step.name));
}

/**
 * Back from the scores to the first step that removes space (a global pool, a mean over pixels, a flattening); its
 * input, before any further pooling, is the layer.
 */
function defaultCam(steps: readonly OutlineStep[], known: LayerShapes): string | undefined {
  const byName = new Map(steps.map(step => [step.name, step]));
  const beforePools = (step: OutlineStep): OutlineStep => {
    const source = byName.get(step.inputs[0] ?? '');
    const further = step.pools && source && source.operator !== 'Input' && isSpatial(known, source.name);
    return further ? beforePools(source) : step;
  };
  for (const step of steps.toReversed()) {
    for (const name of isSpatial(known, step.name) ? [] : step.inputs) {
      const source = byName.get(name)!;
      if (isSpatial(known, name) && source.operator !== 'Input') return beforePools(source).name;
    }
  }
  return undefined;
}
