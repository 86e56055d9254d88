/** Filters, order, keys, and the start of it all. */
export const FILTERS = `
const FILTERS = ['model', 'label', 'outcome', 'patient'].filter(of);
const chosenMethods = () => new Set([...tools.querySelectorAll('[name="method"]:checked')].map(box => box.value));

const inRange = ({ scores }) => {
  if (!of('metric')) return true;
  const [least, most] = [of('least').valueAsNumber, of('most').valueAsNumber];
  if (Number.isNaN(least) && Number.isNaN(most)) return true;
  const at = info.metrics.findIndex(({ id }) => id === of('metric').value);
  const methods = chosenMethods();
  return scores.some((values, i) => {
    const value = values[at];
    return methods.has(info.methods[i].id) && value !== null && value !== undefined && !(value < least) && !(value > most);
  });
};

const showMethods = item => {
  const methods = chosenMethods();
  for (const figure of item.maps.querySelectorAll('figure[data-method]')) figure.hidden = !methods.has(figure.dataset.method);
};

const update = () => {
  let shown = 0;
  for (const item of items) {
    const fits = FILTERS.every(name => of(name).value === '' || of(name).value === item.info[name]) && inRange(item.info);
    item.article.hidden = !fits;
    if (fits) shown++;
    showMethods(item);
  }
  of('count').textContent = shown + ' of ' + items.length + ' images' + (shown === 0 ? ': no image fits' : '');
  repaint();
};

const order = () => {
  const by = of('sort').value;
  const key = ({ info: known }) => {
    if (by === 'chosen') return 0;
    const value = known[by];
    return value === undefined ? Number.MAX_VALUE : by === 'disagreement' ? -value : value;
  };
  items.sort((a, b) => key(a) - key(b) || a.info.place - b.info.place);
  list.append(...items.map(item => item.article));
  items.forEach((item, i) => { item.article.dataset.at = i; });
  holder.scrollTop = 0;
};

const next = name => {
  const select = of(name);
  if (!select) return;
  select.selectedIndex = (select.selectedIndex + 1) % (name === 'window' ? select.options.length - 1 : select.options.length);
  select.dispatchEvent(new Event('input', { bubbles: true }));
};

tools.addEventListener('input', event => {
  if (event.target.name === 'sort') order();
  else update();
});
tools.addEventListener('reset', () => setTimeout(() => {
  order();
  update();
}));
looks.addEventListener('input', event => {
  if (event.target.name === 'level' || event.target.name === 'width') of('window').value = 'hand';
  showWindow();
  bar();
  repaint();
});
for (const form of [tools, looks]) form.addEventListener('submit', event => event.preventDefault());

let opaque = 80;
gallery.addEventListener('keydown', event => {
  if (/^(INPUT|SELECT|BUTTON)$/.test(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
  const item = itemOf(event.target);
  const moved = event.key.startsWith('Arrow') && event.shiftKey;
  if (moved && item) {
    event.preventDefault();
    movePoint(item, event.key);
    return;
  }
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (step) {
    const visible = items.filter(({ article }) => !article.hidden);
    const to = visible[clamp(visible.indexOf(item) + step, 0, visible.length - 1)];
    if (!to) return;
    event.preventDefault();
    to.article.focus({ preventScroll: true });
    to.article.scrollIntoView({ block: 'start' });
  } else if (event.key === 'o') {
    const slider = of('opacity');
    if (Number(slider.value) > 0) opaque = slider.value;
    slider.value = Number(slider.value) > 0 ? 0 : opaque;
    repaint();
  } else if (event.key === 'c') next('colours');
  else if (event.key === 'w') next('window');
});

if (typeof DecompressionStream === 'function' && typeof IntersectionObserver === 'function') {
  tools.hidden = false;
  holder.hidden = false;
  gallery.classList.add('alive');
  items.forEach(item => { item.info.place = item.place; });
  order();
  showWindow();
  bar();
  update();
  for (const { article } of items) watcher.observe(article);
}
`;
