import type { ModelCard } from '../../core/contracts/index.ts';
import { gaussianBlur } from '../../core/image/blur.ts';
import { createRng } from '../../core/rng.ts';
import { tensor } from '../../core/tensor.ts';
import { type PreparedImage, prepare } from '../../data/preparation/prepare.ts';

/** Blobs and noise within the card's window, as the model sees them; always the same. */
export function testPictures(card: ModelCard, count = 4): readonly PreparedImage[] {
  const [height = 1, width = 1] = card.input.size;
  const [low, high] = card.intensity.window;
  return Array.from({ length: count }, (_, i) => {
    const rng = createRng(`picture ${i}`);
    const noise = tensor(
      [height, width],
      Float32Array.from({ length: height * width }, () => rng.normal()),
    );
    const [blobs, grain] = [gaussianBlur(noise, Math.max(height, width) / 20).data, noise.data];
    const spread = Math.sqrt(blobs.reduce((sum, v) => sum + v * v, 0) / blobs.length) || 1;
    const level = blobs.map((v, p) => 0.35 + 0.1 * i + (0.2 * v) / spread + 0.03 * grain[p]!);
    const pixels = tensor(
      [height, width],
      level.map(v => low + (high - low) * Math.min(1, Math.max(0, v))),
    );
    return prepare({ pixels, unit: card.intensity.unit }, card, 'a test picture');
  });
}
