/** Tokens that parsers of text trip over. */
const TOKENS = [
  ...['null', 'true', '[]', '{}', '""', '-1', '1e999', '99999999999999999999', '0', '"', "'", '\\', '{', '[', ']', '}'],
  ...['\0', '\u001b[31m', '=1+1', '../../x', '/dev/zero', '*a', '&a ', '${X}', '\ufeff', '\n', ',', ';', '__proto__'],
];

const LENGTHS = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/**
 * A damaged copy of a file: cut off, bits flipped, a number replaced by an extreme one, bytes put in, taken out or
 * doubled; of text also words replaced by others. Several of these at once, now and then.
 * @param {Buffer} bytes
 * @param {import('../../dist/core/rng.js').Rng} rng
 * @param {boolean} text whether it is text
 * @returns {Buffer}
 */
export function damaged(bytes, rng, text) {
  let out = Buffer.from(bytes);
  for (let n = rng.int(3); n >= 0; n--) out = once(out, rng, text && rng.int(2) === 0);
  return out;
}

function once(bytes, rng, text) {
  if (bytes.length === 0) return Buffer.from([rng.int(256)]);
  const at = rng.int(bytes.length);
  const length = Math.min(bytes.length - at, 1 + rng.int(2 ** rng.int(8)));
  const put = piece => Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
  if (text) {
    const words = [...bytes.toString('latin1').matchAll(/[\w.+-]+|"[^"\n]*"/g)];
    const word = words[rng.int(Math.max(1, words.length))];
    const token = Buffer.from(TOKENS[rng.int(TOKENS.length)]);
    if (!word) return put(token);
    return Buffer.concat([bytes.subarray(0, word.index), token, bytes.subarray(word.index + word[0].length)]);
  }
  switch (rng.int(7)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      for (let k = rng.int(8); k >= 0; k--) bytes[rng.int(bytes.length)] ^= 1 << rng.int(8);
      return bytes;
    case 2: {
      const value = LENGTHS[rng.int(LENGTHS.length)];
      const where = Math.min(at, bytes.length - 4);
      if (where < 0) return put(Buffer.from([255]));
      if (rng.int(2)) bytes.writeUInt32LE(value, where);
      else bytes.writeUInt32BE(value, where);
      return bytes;
    }
    case 3:
      return put(Buffer.from(Array.from({ length }, () => rng.int(256))));
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 5:
      return put(bytes.subarray(at, at + length));
    default:
      return put(Buffer.alloc(length, [0, 255][rng.int(2)]));
  }
}
