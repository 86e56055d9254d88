import type { Unit } from '../contracts/index.ts';
import { type Tensor, tensor } from '../tensor.ts';
import { bodyMask } from './body.ts';
import { componentsOf } from './components.ts';
import { reachedFromBorder } from './flood.ts';
import { closed } from './morphology.ts';
import { sidesOf } from './sides.ts';

/** Thinner than this is air or lung, in HU. */
const THIN = -500;
/** A smaller part of the body, as a share, is gas in the bowel or an airway. */
const LEAST_SHARE = 0.01;
/** Bays that a disc of this radius does not fit into belong to the lung: vessels, and lesions at the pleura. */
const CLOSED_MM = 15;

/**
 * Air within the body: what is thinner than −500 HU and can't be reached from the image's border through such pixels.
 * Aerated lung, airways and gas in the bowel; consolidated lung and effusion are missing.
 * @param hu [h, w] in Hounsfield units.
 * @returns [h, w] of 0 and 1 for the air inside, and for the body (all that is not outside).
 */
export function innerAir(hu: Tensor): { readonly air: Tensor; readonly body: Tensor } {
  const outside = reachedFromBorder(hu, v => v < THIN);
  const body = Float32Array.from(outside, v => 1 - v);
  return {
    air: tensor(
      hu.shape,
      hu.data.map((v, i) => (v < THIN ? body[i]! : 0)),
    ),
    body: tensor(hu.shape, body),
  };
}

/**
 * Where the patient is in a slice of either unit: by Hounsfield units, or by how dark it is in its window.
 * @param pixels [h, w] in `unit`.
 * @param view [h, w] in 0…1, asked for grey levels only.
 * @returns [h, w] of 0 and 1
 */
export function bodyOf(pixels: Tensor, unit: Unit, view: () => Tensor): Tensor {
  return unit === 'HU' ? innerAir(pixels).body : bodyMask(view());
}

/** The share of the body that is air within it, 0 … 1; 0 where there is no body. */
export function lungShare(hu: Tensor): number {
  const { air, body } = innerAir(hu);
  const sum = (t: Tensor) => t.data.reduce((a, b) => a + b, 0);
  const whole = sum(body);
  return whole > 0 ? sum(air) / whole : 0;
}

/**
 * A lung mask by threshold and morphology: parts of the air within the body that have at least 1 % of its area, closed
 * by a disc of 15 mm, without holes. Large consolidations that reach the pleura, and effusions, are missing.
 * @param hu [h, w] in Hounsfield units.
 * @param spacing mm per pixel; where it is unknown the longer side is taken for 350 mm.
 * @returns [h, w] of 0 and 1
 */
export function lungMask(hu: Tensor, spacing?: readonly [number, number]): Tensor {
  const { air, body } = innerAir(hu);
  const least = LEAST_SHARE * body.data.reduce((a, b) => a + b, 0);
  const lungs = tensor(hu.shape);
  for (const part of componentsOf(air)) {
    // Each by itself, so that the mediastinum between two lungs stays outside.
    if (part.length < least) continue;
    const one = tensor(hu.shape);
    for (const i of part) one.data[i] = 1;
    closed(one, CLOSED_MM, sidesOf(hu, spacing)).data.forEach((v, i) => {
      if (v && body.data[i]) lungs.data[i] = 1;
    });
  }
  return lungs;
}
