/** Draws images in a window and maps in their colours. */
export const PAINT = `
const bytesOf = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
const colourMaps = { signed: bytesOf(info.signed), unsigned: bytesOf(info.unsigned) };
const PRESETS = { lung: [-600, 1500], 'soft tissue': [40, 400], bone: [400, 1800] };
const unit = looks.dataset.unit;
const MID_GREY = 119;

/** Ends of the window in the image's unit. */
const windowOf = ({ unit: own, window }) => {
  if (own === undefined) return [0, 1];
  const chosen = of('window').value;
  if (chosen === 'model' || own !== unit) return window;
  const [level, width] = [Number(of('level').value), Number(of('width').value)];
  return [level - width / 2, level + width / 2];
};

const greyOf = ({ pixels, step }, [low, high]) => {
  const grey = new Uint8ClampedArray(pixels.length);
  const [gain, offset] = [255 * step / (high - low), 255 * low / (high - low)];
  for (let i = 0; i < grey.length; i++) grey[i] = pixels[i] * gain - offset;
  return grey;
};

const paintOn = (canvas, pictures, grey, map) => {
  const { height, width } = pictures;
  const context = canvas.getContext('2d');
  const image = context.createImageData(width, height);
  const { data } = image;
  const signed = of('colours').value === 'signed';
  const colours = colourMaps[signed ? 'signed' : 'unsigned'];
  const alone = of('alone').checked && map;
  const opacity = Number(of('opacity').value) / 100;
  for (let r = 0, at = 0; r < height; r++) {
    const row = map ? Math.floor(r * map.rows / height) * map.columns : 0;
    for (let c = 0; c < width; c++, at++) {
      const shade = grey ? grey[at] : 0;
      let [red, green, blue] = [shade, shade, shade];
      if (map) {
        const value = map.values[row + Math.floor(c * map.columns / width)] / 127;
        const size = Math.abs(value);
        // Over an image the size shows as opacity; by itself the map shows it as colour.
        const shown = alone ? value : Math.sign(value);
        const k = 3 * Math.round(255 * (signed ? (shown + 1) / 2 : Math.abs(shown)));
        const weight = alone ? 1 : opacity * size;
        red += weight * (colours[k] - red);
        green += weight * (colours[k + 1] - green);
        blue += weight * (colours[k + 2] - blue);
      }
      data[4 * at] = red;
      data[4 * at + 1] = green;
      data[4 * at + 2] = blue;
      data[4 * at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
};

const paint = item => {
  const { pictures } = item;
  if (!pictures) return;
  const grey = pictures.pixels && greyOf(pictures, windowOf(item.info));
  for (const { canvas, map, figure } of item.drawn) if (!figure.hidden) paintOn(canvas, pictures, grey, map);
};

const bar = () => {
  const canvas = looks.querySelector('canvas');
  const context = canvas.getContext('2d');
  const image = context.createImageData(256, 1);
  const signed = of('colours').value === 'signed';
  const colours = colourMaps[signed ? 'signed' : 'unsigned'];
  const alone = of('alone').checked;
  for (let i = 0; i < 256; i++) {
    const value = signed ? i / 127.5 - 1 : i / 255;
    const k = 3 * (alone ? i : value < 0 ? 0 : 255);
    const weight = alone ? 1 : Math.abs(value);
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = MID_GREY + weight * (colours[k + c] - MID_GREY);
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  of('ends').textContent = signed ? '\\u2212s \\u2026 +s' : '0 \\u2026 s';
};

let asked = 0;
/** Draws all images in sight anew, once for many moves of a slider. */
const repaint = () => {
  cancelAnimationFrame(asked);
  asked = requestAnimationFrame(() => items.forEach(paint));
};

const showWindow = () => {
  if (!unit) return;
  const chosen = of('window').value;
  const first = items.find(item => item.info.unit === unit).info.window;
  const [level, width] = PRESETS[chosen] ?? [(first[0] + first[1]) / 2, first[1] - first[0]];
  if (chosen !== 'hand') {
    of('level').value = level;
    of('width').value = width;
  }
  of('shown').textContent = number(Number(of('level').value), 4) + ' / ' + number(Number(of('width').value), 4) + (unit === 'HU' ? ' HU' : ' grey levels');
};
`;
