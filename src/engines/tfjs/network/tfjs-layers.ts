import { CtXaiError, nearest } from '../../../core/errors.ts';
import { sizeOf } from '../../../core/tensor.ts';
import { depthAt, type Layer, type LayerMap } from '../../shared/layer-map.ts';
import type { Outline, OutlineStep } from './outline.ts';

export type Shapes = Readonly<Record<string, readonly number[]>>;

/** [h, w, c] with more than one pixel. */
function isSpatial(shape: readonly number[] | undefined): boolean {
  return shape?.length === 3 && shape[0]! * shape[1]! > 1;
}

/**
 * The layers of a model, and the one for class activation maps.
 * @param output the step with the scores
 * @param camLayer the card's, instead of the default
 * @throws CtXaiError LAYER if the card's layer is not in the model, or has no pixels.
 */
export function layerMap(outline: Outline, shapes: Shapes, output: string, camLayer?: string): LayerMap {
  const steps = leadingTo(outline.steps, output);
  const known = new Map(steps.map(step => [step.name, step]));
  const positions: number[] = [];
  const describe = (step: OutlineStep, cam: boolean): Layer => {
    const shape = shapes[step.name]!;
    const spatial = isSpatial(shape);
    const position = steps.indexOf(step);
    const depth = depthAt(position, positions);
    const about = { name: step.name, shape, operator: step.operator, spatial, cam, position, depth };
    return spatial ? { ...about, layout: 'NHWC' } : about;
  };
  const resolve = (name: string): OutlineStep => {
    const named = known.get(name) ?? known.get(outline.aliases.get(name) ?? '');
    const ending = steps.filter(step => step.name.endsWith(`/${name}`));
    const found = named ?? (ending.length === 1 ? ending[0] : undefined);
    if (found && found.operator !== 'Input' && found.name !== output) return found;
    const near = nearest(name, [...known.keys()]);
    throw new CtXaiError('LAYER', `the model has no layer '${name}'.`, {
      hint: `${near ? `Did you mean '${near}'? ` : ''}'ct-xai explain --list-layers' lists them.`,
    });
  };
  const cam = camLayer === undefined ? defaultCam(steps, shapes) : resolve(camLayer).name;
  if (camLayer !== undefined && !isSpatial(shapes[cam!])) {
    throw new CtXaiError('LAYER', `the card's camLayer '${camLayer}' has no pixels: its shape is [${shapes[cam!]}].`);
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
    find: name => {
      const step = resolve(name);
      return describe(step, step.name === cam);
    },
  };
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
function defaultCam(steps: readonly OutlineStep[], shapes: Shapes): string | undefined {
  const known = new Map(steps.map(step => [step.name, step]));
  const beforePools = (step: OutlineStep): OutlineStep => {
    const source = known.get(step.inputs[0] ?? '');
    const further = step.pools && source && source.operator !== 'Input' && isSpatial(shapes[source.name]);
    return further ? beforePools(source) : step;
  };
  for (const step of steps.toReversed()) {
    for (const name of isSpatial(shapes[step.name]) ? [] : step.inputs) {
      const source = known.get(name)!;
      if (isSpatial(shapes[name]) && source.operator !== 'Input') return beforePools(source).name;
    }
  }
  return undefined;
}
