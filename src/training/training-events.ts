/** One line of the learning curve. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  /** Mean over the epoch's images; weighted, smoothed, augmented. */
  readonly loss: number;
  /** Over the validation images as they are; no weights, no smoothing. */
  readonly validationLoss: number;
  /** Macro average with more than two classes; null where the validation images have one class only. */
  readonly validationAuc: number | null;
  readonly validationAccuracy: number;
  /** Learning rate at its end. */
  readonly rate: number;
}

export type TrainEvent =
  | { readonly kind: 'images'; readonly split: string; readonly done: number; readonly total: number }
  | {
      readonly kind: 'start';
      readonly dir: string;
      readonly parameters: number;
      readonly epochs: number;
      readonly images: Readonly<Record<'train' | 'val' | 'test', number>>;
      /** Epochs that an earlier call has done; absent: a fresh start. */
      readonly resumed?: number;
    }
  | {
      readonly kind: 'step';
      readonly epoch: number;
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
    }
  | { readonly kind: 'epoch'; readonly record: EpochRecord; readonly best: boolean }
  | { readonly kind: 'warning'; readonly message: string };
