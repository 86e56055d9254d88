import type { Meter } from '../core/contracts/index.ts';
import type { Passes } from '../results/rows.ts';

/** A meter that can be read. */
export interface Counter extends Meter {
  read(): Passes;
  /** Counts work that another unit did for this one too: demanded, and saved. */
  add(passes: Passes): void;
  /** Of what was read: work that another unit did. */
  saved(): Passes;
}

export function createCounter(): Counter {
  let [forward, backward] = [0, 0];
  let [savedForward, savedBackward] = [0, 0];
  return {
    forward(images) {
      forward += images;
    },
    backward(images) {
      backward += images;
    },
    read: () => ({ forward, backward }),
    add(passes) {
      forward += passes.forward;
      backward += passes.backward;
      savedForward += passes.forward;
      savedBackward += passes.backward;
    },
    saved: () => ({ forward: savedForward, backward: savedBackward }),
  };
}
