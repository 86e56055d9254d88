import type { Unit } from './data.ts';

/** One pointwise step on values that the window has brought to 0…1; statistics come from the unperturbed image. */
export type IntensityStep =
  | { readonly multiply: number | readonly number[] }
  | { readonly subtract: number | readonly number[] }
  | { readonly divide: number | readonly number[] }
  | { readonly normalise: 'min-max' | 'z-score' };

/** `model.yaml` beside the weights, checked and with defaults filled in. */
export interface ModelCard {
  readonly id: string;
  /** Absolute path of the weights. */
  readonly file: string;
  /** Absolute path of the card, or of the weights where the card is inline in a suite. */
  readonly origin: string;
  readonly format: 'onnx' | 'tfjs';
  /**
   * `softmax`: one of the classes. `sigmoid`: one unit for two classes, [negative, positive]. `multi-label`: a sigmoid
   * for each finding, and findings do not exclude each other. `regression`: values without probabilities.
   */
  readonly task: 'softmax' | 'sigmoid' | 'multi-label' | 'regression';
  /** What the file emits; a softmax or sigmoid tail found in the graph is cut in either case. */
  readonly emits: 'logits' | 'probabilities';
  /** `output` keeps the tail: 'logit' then means the model's own output. */
  readonly explainAt: 'logits' | 'output';
  /** Names of the classes; of a regression, of its values. */
  readonly classes: readonly string[];
  /** The class that counts as positive, for sensitivity and for the primary analysis. Default: the second. */
  readonly positive?: string;
  /** Models of the same group are trainings of one recipe that differ in their seed alone. */
  readonly group?: string;
  /**
   * Of findings that do not exclude each other: the probability from which on one counts as predicted, for all or by
   * name. Default: 0.5.
   */
  readonly threshold?: number | Readonly<Record<string, number>>;
  /** Of a regression: the unit of its values. */
  readonly measure?: string;
  readonly input: {
    /** Pixels along each axis: [rows, columns], or [slices, rows, columns]. */
    readonly size: readonly number[];
    readonly channels: 1 | 3;
    /** Whether 3 channels see a picture's colours; false: its luma, three times. Default: true. */
    readonly colour?: boolean;
    readonly layout: 'NCHW' | 'NHWC';
    readonly name?: string;
  };
  readonly output?: string;
  readonly intensity: {
    readonly unit: Unit;
    /** Raw values here become 0 and 1; clipped outside. Default: [0, 255] grey, required for HU. */
    readonly window: readonly [number, number];
    /** One window for each channel, where these are windows of the same slice; `window` is then the first. */
    readonly windows?: readonly (readonly [number, number])[];
    /** The raw value of air: −1000 HU; for grey images the window's lower end. */
    readonly air: number;
    readonly steps: readonly IntensityStep[];
  };
  readonly resize: {
    /** `antialias` as Pillow does, or plain bilinear with half-pixel centres. */
    readonly antialias: boolean;
    /** `stretch` ignores the aspect; `crop` takes the middle square; `pad` adds air. */
    readonly fit: 'stretch' | 'crop' | 'pad';
    /** Millimetres per pixel of the grid, to a pixel of the source; the image is cropped or padded with air for it. */
    readonly spacing?: number;
    /**
     * What of the slice is laid on the grid: the rectangle around the body, or around the lungs (HU only). Default: all.
     * A sample's variants are laid like the sample itself.
     */
    readonly region?: 'body' | 'lungs';
    /** Millimetres that are added around the region on each side. Default: 0. */
    readonly margin?: number;
    /** Round to whole grey levels, as Pillow and torchvision do on 8-bit images. Default: false. */
    readonly round?: boolean;
  };
  readonly camLayer?: string;
  /**
   * `straight-through`: gradients pass quantisation and rounding as if they were not there (Bengio et al. 2013).
   * Default: a network that is quantised, or that rounds, has no gradients.
   */
  readonly quantisation?: 'straight-through';
  readonly training?: string;
  readonly licence?: string;
  /** Measured figures, as the card states them. */
  readonly performance?: Readonly<Record<string, number>>;
}
