import { backend_util, type NamedAttrMap, pad, type Tensor4D, tidy } from '@tensorflow/tfjs-core';

export type KernelWindow = ReturnType<typeof backend_util.computeConv2DInfo>;

type Shape4 = [number, number, number, number];
type Pad = Parameters<typeof backend_util.computeConv2DInfo>[4];

/** How a kernel slides over an image, as TF.js works it out. */
export function windowOf(
  inputShape: Shape4,
  filterShape: Shape4,
  attrs: NamedAttrMap,
  depthwise: boolean,
): KernelWindow {
  return backend_util.computeConv2DInfo(
    inputShape,
    filterShape,
    attrs.strides as [number, number],
    (attrs.dilations ?? 1) as [number, number],
    attrs.pad as Pad,
    attrs.dimRoundingMode as 'floor' | 'round' | 'ceil',
    depthwise,
  );
}

/** An image with the padding that the window needs, so that every place lies inside. */
export function padded(x: Tensor4D, window: KernelWindow): Tensor4D {
  const { top, left } = window.padInfo;
  const reach = (places: number, stride: number, size: number) => (places - 1) * stride + size;
  const rows = reach(window.outHeight, window.strideHeight, window.effectiveFilterHeight);
  const columns = reach(window.outWidth, window.strideWidth, window.effectiveFilterWidth);
  const bottom = Math.max(0, rows - window.inHeight - top);
  const right = Math.max(0, columns - window.inWidth - left);
  return tidy(() =>
    pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]),
  );
}
