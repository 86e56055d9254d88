/**
 * The index of runs. It asks for /runs.json every two seconds and writes what it gets as text, never as HTML: names come
 * from files that somebody else may have made.
 */
export function indexPage(): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Runs of ct-xai-bench</title>
<style>
:root { color-scheme: light dark; --line: #8885; --soft: #595959; }
@media (prefers-color-scheme: dark) { :root { --soft: #b5b5b5; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
ul { list-style: none; padding: 0; }
li { border-top: 1px solid var(--line); padding: 1rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 0; }
p { margin: .25rem 0; }
.soft { color: var(--soft); }
progress { width: 100%; }
</style>
</head>
<body>
<main>
<h1>Runs</h1>
<p id="said" class="soft" role="status">Looking for runs …</p>
<ul id="runs"></ul>
</main>
<script>
'use strict';
const STATES = {
  works: 'is working', complete: 'is complete', stopped: 'stopped; the same command goes on', damaged: 'can’t be read',
};
const list = document.getElementById('runs');
const said = document.getElementById('said');
let shown = '';

function add(parent, tag, text, kind) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (kind) element.className = kind;
  parent.append(element);
  return element;
}

function many(n, one, more) {
  return n + ' ' + (n === 1 ? one : more);
}

function duration(seconds) {
  if (seconds < 90) return Math.ceil(seconds) + ' s';
  if (seconds < 5400) return Math.ceil(seconds / 60) + ' min';
  return (seconds / 3600).toFixed(1) + ' h';
}

function item(run) {
  const li = document.createElement('li');
  const h2 = add(li, 'h2');
  if (run.hasReport) {
    const a = add(h2, 'a', run.name);
    const folder = run.path === '.' ? [] : run.path.split('/').map(encodeURIComponent);
    a.href = '/' + ['run', ...folder, 'index.html'].join('/');
  } else h2.textContent = run.name;
  const facts = [
    run.path === '.' ? '' : run.path,
    STATES[run.state],
    many(run.models, 'model', 'models'),
    many(run.explainers, 'explainer', 'explainers'),
    many(run.images, 'image', 'images'),
  ].filter(Boolean);
  add(li, 'p', facts.join(' · ') + (run.reason ? ': ' + run.reason : ''), 'soft');
  if (run.startedAt) add(li, 'p', 'started ' + new Date(run.startedAt).toLocaleString(), 'soft');
  const p = run.progress;
  if (p && run.state === 'works') {
    const bar = add(li, 'progress');
    bar.max = Math.max(1, p.total);
    bar.value = p.done;
    bar.setAttribute('aria-label', 'progress of ' + run.name);
    const left = p.secondsLeft === undefined ? '' : ', ' + duration(p.secondsLeft) + ' left';
    add(li, 'p', p.done + ' of ' + p.total + ' units done' + left + '; ' + many(p.failed, 'failure', 'failures') + '. Now: ' + p.what);
    for (const w of p.workers) add(li, 'p', w.worker + ': ' + w.what, 'soft');
  }
  return li;
}

async function look() {
  try {
    const text = await (await fetch('/runs.json')).text();
    if (text !== shown) {
      shown = text;
      const runs = JSON.parse(text);
      list.replaceChildren(...runs.map(item));
      said.textContent = runs.length === 0 ? 'There is no run in this folder yet.' : many(runs.length, 'run', 'runs');
    }
  } catch {
    shown = '';
    said.textContent = 'The server has ended.';
  }
  setTimeout(look, 2000);
}
look();
</script>
</body>
</html>
`;
}
