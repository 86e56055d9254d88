/** What the classifier saw while pixels were removed or put in, with the curve beside it. */
export const FILM = `
const share = value => Math.round(100 * value) + ' %';

const curveOf = ({ fraction, score }) => {
  const [low, high] = [Math.min(0, ...score), Math.max(1, ...score)];
  const x = value => 34 + 220 * value;
  const y = value => 150 - 136 * (value - low) / (high - low);
  const part = (tag, attributes, text) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const svg = part('svg', { viewBox: '0 0 264 184', role: 'img', 'aria-label': 'Score of the explained class over the share of pixels changed' });
  const dot = part('circle', { class: 'now', r: 5 });
  svg.append(
    part('path', { class: 'frame', d: 'M34 14V150H254' }),
    part('text', { x: 30, y: 18, 'text-anchor': 'end' }, number(high, 2)),
    part('text', { x: 30, y: 154, 'text-anchor': 'end' }, number(low, 2)),
    part('text', { x: 34, y: 165 }, '0 %'),
    part('text', { x: 254, y: 165, 'text-anchor': 'end' }, '100 % of pixels'),
    part('text', { x: 34, y: 180 }, 'score of the explained class'),
    part('path', { class: 'curve', d: fraction.map((f, i) => (i ? 'L' : 'M') + x(f).toFixed(1) + ' ' + y(score[i]).toFixed(1)).join('') }),
    dot);
  const at = frame => {
    dot.setAttribute('cx', x(fraction[frame]));
    dot.setAttribute('cy', y(score[frame]));
  };
  return { svg, at };
};

const filmOf = item => {
  const { pictures } = item;
  const { films, baselines, height, width } = pictures;
  const grey = greyOf(pictures, item.info.window ?? [0, 1]);
  const options = films.map((film, i) => make('option', { value: String(i), textContent: info.metrics[film.metric].id + ', ' + info.methods[film.method].id }));
  const choice = make('select', { name: 'film' }, ...options);
  const slider = make('input', { type: 'range', name: 'frame', min: '0', step: '1' });
  const play = make('button', { type: 'button', textContent: 'Play' });
  const canvas = make('canvas', { width, height });
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', 'What the classifier saw at this step');
  const said = make('p', { className: 'note' });
  said.setAttribute('role', 'status');
  const beside = make('div', { className: 'curves' });
  let curve;
  const draw = () => {
    const film = films[choice.value];
    const frame = Number(slider.value);
    const other = baselines[film.baseline];
    const [first, last] = film.from === 'image' ? [grey, other] : [other, grey];
    const context = canvas.getContext('2d');
    const image = context.createImageData(width, height);
    const made = film.frames[frame];
    for (let i = 0; i < film.steps.length; i++) image.data.fill(made ? made[i] : film.steps[i] <= frame ? last[i] : first[i], 4 * i, 4 * i + 3);
    for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
    context.putImageData(image, 0, 0);
    curve.at(frame);
    said.textContent = 'Step ' + frame + ' of ' + slider.max + ': ' + share(film.fraction[frame]) + (film.from === 'image' ? ' of the pixels are removed' : ' of the pixels are put in') + ', the most relevant first' + '; score ' + number(film.score[frame]) + '.';
  };
  const choose = () => {
    const film = films[choice.value];
    slider.max = String(film.fraction.length - 1);
    slider.value = '0';
    curve = curveOf(film);
    beside.replaceChildren(curve.svg, said);
    draw();
  };
  let timer;
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
    play.textContent = 'Play';
  };
  play.addEventListener('click', () => {
    if (timer !== undefined) return stop();
    if (slider.value === slider.max) slider.value = '0';
    play.textContent = 'Stop';
    timer = setInterval(() => {
      if (!canvas.isConnected || slider.value === slider.max) return stop();
      slider.stepUp();
      draw();
    }, 400);
  });
  slider.addEventListener('input', () => { stop(); draw(); });
  choice.addEventListener('input', () => { stop(); choose(); });
  const details = make('details', { className: 'film' },
    make('summary', { textContent: 'Film: what the classifier saw as pixels were removed or put in' }),
    make('p', {}, make('label', {}, 'Curve ', choice), ' ', make('label', {}, 'Step ', slider), ' ', play),
    make('div', { className: 'screen' }, make('div', { className: 'pic' }, canvas), beside));
  details.addEventListener('toggle', () => { if (!details.open) stop(); });
  choose();
  return details;
};
`;
