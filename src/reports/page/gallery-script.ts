/**
 * What makes the gallery answer: opacity, filters, order and keys. It reads nothing but the page itself, and without it
 * the gallery stands as it is.
 */
export const GALLERY_SCRIPT = `
(() => {
  const gallery = document.getElementById('gallery');
  const tools = gallery.querySelector('.tools');
  if (!tools) return;
  tools.hidden = false;
  const cases = [...gallery.querySelectorAll('article.case')];
  const of = name => tools.querySelector('[name="' + name + '"]');
  const count = tools.querySelector('output');
  const filters = ['model', 'label', 'outcome', 'patient'].filter(of);
  const update = () => {
    let shown = 0;
    for (const item of cases) {
      item.hidden = filters.some(name => of(name).value !== '' && of(name).value !== item.dataset[name]);
      if (!item.hidden) shown++;
    }
    const methods = new Set([...tools.querySelectorAll('[name="method"]')].filter(box => box.checked).map(box => box.value));
    for (const figure of gallery.querySelectorAll('figure[data-method]')) figure.hidden = !methods.has(figure.dataset.method);
    count.textContent = shown + ' of ' + cases.length + ' images';
  };
  const order = () => {
    const by = of('sort').value;
    const key = item => {
      if (by === 'chosen') return Number(item.dataset.place);
      const value = item.dataset[by] === '' ? null : Number(item.dataset[by]);
      return value === null ? Number.MAX_VALUE : by === 'disagreement' ? -value : value;
    };
    const sorted = [...cases].sort((a, b) => key(a) - key(b) || a.dataset.place - b.dataset.place);
    for (const item of sorted) gallery.querySelector('.cases').append(item);
  };
  const dim = () => gallery.style.setProperty('--opacity', of('opacity').value / 100);
  tools.addEventListener('input', event => {
    if (event.target.name === 'opacity') dim();
    else if (event.target.name === 'sort') order();
    else update();
  });
  gallery.addEventListener('keydown', event => {
    if (/^(INPUT|SELECT)$/.test(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
    const visible = [...gallery.querySelectorAll('article.case')].filter(item => !item.hidden);
    const at = visible.indexOf(event.target.closest('article.case'));
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (step) {
      const next = visible[Math.max(0, Math.min(visible.length - 1, at + step))];
      if (next) {
        event.preventDefault();
        next.focus();
        next.scrollIntoView({ block: 'start' });
      }
    } else if (event.key === 'o') {
      of('opacity').value = of('opacity').value > 0 ? 0 : 100;
      dim();
    }
  });
  order();
  update();
})();
`;
