import { type Tensor, tensor } from '../../core/tensor.ts';

/** Thinner than this is air or lung, in HU. */
const THIN = -500;

/**
 * Air within the body: what is thinner than −500 HU and can't be reached from the image's border through such pixels.
 * Aerated lung, airways and gas in the bowel; consolidated lung and effusion are missing.
 * @param hu [h, w] in Hounsfield units.
 * @returns [h, w] of 0 and 1 for the air inside, and for the body (all that is not outside).
 */
export function innerAir(hu: Tensor): { readonly air: Tensor; readonly body: Tensor } {
  const [h, w] = hu.shape as [number, number];
  const outside = new Uint8Array(h * w);
  const stack: number[] = [];
  const reach = (i: number): void => {
    if (outside[i] === 0 && hu.data[i]! < THIN) {
      outside[i] = 1;
      stack.push(i);
    }
  };
  for (let x = 0; x < w; x++) {
    reach(x);
    reach((h - 1) * w + x);
  }
  for (let y = 0; y < h; y++) {
    reach(y * w);
    reach(y * w + w - 1);
  }
  for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
    const x = i % w;
    if (x > 0) reach(i - 1);
    if (x < w - 1) reach(i + 1);
    if (i >= w) reach(i - w);
    if (i < (h - 1) * w) reach(i + w);
  }
  const body = Float32Array.from(outside, v => 1 - v);
  return {
    air: tensor(
      hu.shape,
      hu.data.map((v, i) => (v < THIN ? body[i]! : 0)),
    ),
    body: tensor(hu.shape, body),
  };
}

/** The share of the body that is air within it, 0 … 1; 0 where there is no body. */
export function lungShare(hu: Tensor): number {
  const { air, body } = innerAir(hu);
  const sum = (t: Tensor) => t.data.reduce((a, b) => a + b, 0);
  const whole = sum(body);
  return whole > 0 ? sum(air) / whole : 0;
}
