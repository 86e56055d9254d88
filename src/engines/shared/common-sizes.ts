/** Sizes that networks of any size are tried with: what most are trained on comes first. */
const COMMON_SIZES = [224, 256, 512, 299, 384, 128, 96, 64, 32];

/** The sizes to try of an image whose sides are known, or null. */
export function sizesToTry(sides: readonly (number | null)[]): readonly (readonly number[])[] {
  return sides.includes(null) ? COMMON_SIZES.map(size => sides.map(side => side ?? size)) : [sides as number[]];
}
