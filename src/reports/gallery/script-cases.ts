/** One article for each image; its pictures are there while it is in sight or close to it. */
export const CASES = `
const lines = (pictures, name) => {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 ' + pictures.width + ' ' + pictures.height);
  svg.setAttribute('aria-hidden', 'true');
  for (const [style, d] of [['outline', pictures.outline ?? ''], ['cross', '']]) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('class', style);
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
};

const figureOf = (item, name, map, caption, scores) => {
  const { pictures } = item;
  if (map && map.values === undefined) {
    return make('figure', {}, make('div', { className: 'none', textContent: map.reason }), make('figcaption', {}, ...caption));
  }
  const canvas = make('canvas', { width: pictures.width, height: pictures.height });
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', name);
  const over = lines(pictures);
  const value = make('small', { textContent: map ? 's = ' + number(map.end) : '' });
  const figure = make('figure', {}, make('div', { className: 'pic' }, canvas, over),
    make('figcaption', {}, ...caption, ' ', value, make('small', { className: 'scores', textContent: scores })));
  for (const type of ['pointermove', 'pointerdown']) canvas.addEventListener(type, event => pointAt(item, canvas, event));
  item.drawn.push({ canvas, map, figure, value, cross: over.querySelector('.cross') });
  return figure;
};

const scoresText = values => values
  .flatMap((value, i) => (value === null ? [] : [info.metrics[i].id + ' ' + number(value, 2)]))
  .slice(0, 4).join(' \\u00b7 ');

const fill = async item => {
  if (item.wanted) return;
  item.wanted = true;
  try {
    const pictures = await picturesOf(item);
    if (!item.wanted) return;
    Object.assign(item, { pictures, drawn: [] });
    const figures = [figureOf(item, item.info.sample, undefined, ['image'], '')];
    info.methods.forEach((method, i) => {
      const chip = make('span', { className: 'chip ' + method.colour });
      const link = make('a', { href: '#' + method.source, textContent: method.id });
      const figure = figureOf(item, method.id + ' over ' + item.info.sample, pictures.maps[i], [chip, link], scoresText(item.info.scores[i] ?? []));
      figure.dataset.method = method.id;
      figures.push(figure);
    });
    item.maps.replaceChildren(...figures);
    if (pictures.films) item.film.replaceChildren(filmOf(item));
    showMethods(item);
    paint(item);
    item.article.style.minHeight = '';
  } catch (error) {
    item.wanted = false;
    item.maps.replaceChildren(make('p', { className: 'note', textContent: error.message }));
  }
};

const drop = item => {
  if (!item.wanted) return;
  item.wanted = false;
  if (!item.article.hidden) item.article.style.minHeight = item.article.offsetHeight + 'px';
  Object.assign(item, { pictures: undefined, drawn: [] });
  item.maps.replaceChildren();
  item.film.replaceChildren();
};

const aboutOf = ({ sample, model, patient, label, predicted, outcome, target, probability, value, reference, disagreement }) => {
  const parts = [
    model, patient, value === undefined && 'label ' + (label ?? 'none'), predicted && 'predicted ' + predicted,
    target && value === undefined && 'explained ' + target + ', p = ' + number(100 * probability) + ' %',
    value !== undefined && target + ' = ' + value + (reference === undefined ? '' : ' (by the data ' + reference + ')'),
    disagreement !== undefined && 'disagreement of explainers ' + disagreement.toFixed(2),
  ].filter(Boolean);
  const hit = label === predicted;
  return make('p', { className: 'about' }, make('b', { textContent: sample }), ' \\u00b7 ' + parts.join(' \\u00b7 ') + ' ',
    outcome && make('span', { className: 'badge ' + (hit ? 'hit' : 'miss'), textContent: outcome }));
};

const items = info.cases.map((known, place) => {
  const maps = make('div', { className: 'maps' });
  const film = make('div');
  const said = make('p', { className: 'said', textContent: '' });
  said.setAttribute('role', 'status');
  const article = make('article', { className: 'case', tabIndex: 0 }, aboutOf(known), said, maps, film);
  article.setAttribute('aria-label', known.sample + ' by ' + known.model);
  article.dataset.at = place;
  return { info: known, place, article, maps, film, said, drawn: [], shown: true };
});
const itemOf = element => items[element.closest('article.case')?.dataset.at];
const watcher = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries) (isIntersecting ? fill : drop)(itemOf(target));
}, { root: holder, rootMargin: '600px 0px' });
`;
