/** A network to be trained. */
export interface NetworkSpec {
  /** One of the engine's architectures. */
  readonly architecture: string;
  readonly channels: 1 | 3;
  /** [rows, columns] */
  readonly size: readonly [number, number];
  readonly classes: number;
  /** Channels (of a DenseNet: growth) relative to the architecture's own. */
  readonly width: number;
  readonly seed: string | number;
  /** An ONNX file of the same architecture and width whose weights it starts from. Default: random weights. */
  readonly start?: string;
}

export interface OptimiserSpec {
  /** `adamw`: Loshchilov and Hutter 2019; `sgd`: Nesterov momentum 0.9. Decay is decoupled and on weights only. */
  readonly name: 'adamw' | 'sgd';
  readonly decay: number;
  /**
   * How much of the moving average of weights stays at each step, 0 … 1 (Polyak and Juditsky 1992). What predicts,
   * and what is shipped, is the average. 0: the weights themselves.
   */
  readonly averaging: number;
}

/** All that changes while a network is trained, by name. */
export type TrainerState = ReadonlyMap<string, Float32Array>;

/** What one step was worth. */
export interface StepResult {
  /** Cross-entropy with the (weighted, smoothed) targets. */
  readonly loss: number;
}

/** Calibrated logits are z / temperature + offsets. */
export interface LogitCalibration {
  readonly temperature: number;
  /** One per class; the first is 0. */
  readonly offsets: readonly number[];
}

/** A network under training, whatever runs it. Images are [n, channels, h, w]. */
export interface Trainer {
  /** Trainable values. */
  readonly parameters: number;
  /** Layers that CAM methods may read, the last one last. */
  readonly camLayer: string;
  /**
   * One step down the gradient of −Σ target · log softmax(z), with this learning rate.
   * @param targets [n, classes]: each image's weight × its class distribution, over the sum of weights
   */
  step(images: Float32Array, targets: Float32Array, rate: number): Promise<StepResult>;
  /** Logits [n, classes] of the network as it would be shipped. */
  predict(images: Float32Array, n: number): Promise<Float32Array>;
  /** A copy of weights, running statistics and the optimiser's memory. */
  state(): TrainerState;
  restore(state: TrainerState): void;
  /** The shipped model with the present weights, its logits calibrated. */
  export(calibration?: LogitCalibration): Uint8Array;
  close(): Promise<void>;
}

export type TrainerFactory = (network: NetworkSpec, optimiser: OptimiserSpec) => Promise<Trainer>;
