/** Values of the image and of all its maps at one pixel, by pointer, touch or key. */
export const POINT = `
const valueText = (item, at) => {
  const { pixels, step } = item.pictures;
  if (!pixels) return '';
  const value = pixels[at] * step;
  const own = item.info.unit;
  if (own === undefined) return ': ' + Math.round(100 * value) + ' % of the window';
  return ': ' + number(value, 4) + (own === 'HU' ? ' HU' : ' grey levels');
};

const point = (item, row, column) => {
  const { height, width } = item.pictures;
  const [r, c] = [clamp(row, 0, height - 1), clamp(column, 0, width - 1)];
  item.point = [r, c];
  item.said.textContent = 'Row ' + (r + 1) + ', column ' + (c + 1) + valueText(item, r * width + c);
  for (const { map, cross, value } of item.drawn) {
    cross.setAttribute('d', 'M0 ' + (r + 0.5) + 'H' + (c - 2) + 'M' + (c + 3) + ' ' + (r + 0.5) + 'H' + width + 'M' + (c + 0.5) + ' 0V' + (r - 2) + 'M' + (c + 0.5) + ' ' + (r + 3) + 'V' + height);
    if (!map) continue;
    const share = map.values[Math.floor(r * map.rows / height) * map.columns + Math.floor(c * map.columns / width)] / 127;
    value.textContent = 'here ' + number(share, 2) + ' s; s = ' + number(map.end);
  }
};

const pointAt = (item, canvas, event) => {
  const box = canvas.getBoundingClientRect();
  const { height, width } = item.pictures;
  point(item, Math.floor((event.clientY - box.top) / box.height * height), Math.floor((event.clientX - box.left) / box.width * width));
};

const movePoint = (item, key) => {
  if (!item.pictures) return;
  const [r, c] = item.point ?? [Math.floor(item.pictures.height / 2), Math.floor(item.pictures.width / 2)];
  const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
  point(item, r + down, c + right);
};
`;
