/** Where pictures come from: out of the page, or out of a script beside it. */
export const PICTURES = `
const waiting = new Map();
window.ctxaiPictures = (place, pictures) => waiting.get(place)?.(pictures);
const fetched = (place, file) => new Promise((resolve, reject) => {
  waiting.set(place, resolve);
  const script = make('script', { src: file });
  script.onload = () => script.remove();
  script.onerror = () => reject(new Error(file + ' is not beside this page. Copy the folder gallery/ with it.'));
  document.head.append(script);
}).finally(() => waiting.delete(place));
const inPage = place => JSON.parse(gallery.querySelector('script[data-place="' + place + '"]').textContent);

const unpacked = async (text, Type) => {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  const values = new Type(await new Response(stream).arrayBuffer());
  for (let i = 1; i < values.length; i++) values[i] += values[i - 1];
  return values;
};

const picturesOf = async item => {
  const { file } = item.info;
  const found = file === undefined ? inPage(item.place) : await fetched(item.place, file);
  const maps = found.maps.map(async map => (map.values === undefined ? map : { ...map, values: await unpacked(map.values, Int8Array) }));
  const plain = texts => Promise.all((texts ?? []).map(text => unpacked(text, Uint8Array)));
  const steps = await plain(found.films?.map(film => film.steps));
  const films = [];
  for (const [i, film] of (found.films ?? []).entries()) {
    const frames = await plain(film.frames);
    for (let k = 1; k < frames.length; k++) for (let j = 0; j < frames[k].length; j++) frames[k][j] += frames[k - 1][j];
    films.push({ ...film, steps: steps[i], frames });
  }
  return { ...found, ...(found.films ? { films } : {}), baselines: await plain(found.baselines), pixels: found.pixels && await unpacked(found.pixels, Int16Array), maps: await Promise.all(maps) };
};
`;
