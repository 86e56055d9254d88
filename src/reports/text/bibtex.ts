/** A work that a report cites. */
export interface Cited {
  /** What it stands for here, as its title where the citation has none. */
  readonly title: string;
  /** 'Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74'; several works are apart by semicolons. */
  readonly cite: string;
}

const YEAR = /\b(?:19|20)\d\d\b/;
const DOI = /\bdoi:(10\.\d+\/[^\s,;]+)/i;
const ARXIV = /\barXiv:(\d{4}\.\d{4,5})/i;

/** BibTeX of everything cited, each work once. Works without DOI, arXiv number and year have no entry. */
export function bibtexOf(works: readonly Cited[], more: readonly string[] = []): string {
  const entries = new Map<string, string>();
  const keys = new Set<string>();
  for (const { title, cite } of works) {
    for (const part of cite.split(';').map(text => text.trim())) {
      const year = YEAR.exec(part)?.[0];
      const [doi, arxiv] = [DOI.exec(part)?.[1], ARXIV.exec(part)?.[1]];
      const id = doi ?? arxiv;
      if (!year || id === undefined || entries.has(id)) continue;
      const authors = authorsOf(part);
      const key = keyOf(authors[0] ?? 'anonymous', year, keys);
      entries.set(
        id,
        entryOf(key, { author: authors.join(' and '), title: titleOf(part) ?? title, year, doi, arxiv, cite: part }),
      );
    }
  }
  return [...entries.values(), ...more].join('\n\n');
}

function entryOf(
  key: string,
  work: Record<'author' | 'title' | 'year' | 'cite', string> & Record<'doi' | 'arxiv', string | undefined>,
): string {
  const fields = [
    ['author', work.author],
    ['title', `{${work.title}}`],
    ['year', work.year],
    ['doi', work.doi],
    ['eprint', work.arxiv],
    ['archiveprefix', work.arxiv === undefined ? undefined : 'arXiv'],
    ['note', work.cite],
  ].flatMap(([name, value]) => (value === undefined || value === '' ? [] : [`  ${name} = {${escapeTex(value)}}`]));
  return `@misc{${key},\n${fields.join(',\n')}\n}`;
}

/** 'Petsiuk, Das & Saenko, RISE, BMVC 2018' → Petsiuk, Das, Saenko; 'et al.' becomes others. */
function authorsOf(part: string): string[] {
  const head = part.replace(/^after /, '').split(YEAR)[0] ?? '';
  const others = /et al\.?/.exec(head);
  if (others) return [...namesIn(head.slice(0, others.index)), 'others'];
  const last = /^(.*?(?:&|\band\b)\s+[^,]+)/.exec(head);
  return namesIn(last?.[1] ?? head.split(',')[0] ?? '');
}

function namesIn(text: string): string[] {
  return text
    .split(/,|&|\band\b/)
    .map(name => name.trim())
    .filter(name => name !== '');
}

/** The title in citations that have one between their authors and the place of publication. */
function titleOf(part: string): string | undefined {
  const rest = /(?:et al\.?|(?:&|\band\b)\s+[^,]+),\s+(.+)$/.exec(part)?.[1];
  const title = rest?.split(new RegExp(`,\\s+[^,]*${YEAR.source}`))[0]?.trim();
  return title && !YEAR.test(title.slice(0, 5)) && !DOI.test(title) && !ARXIV.test(title) ? title : undefined;
}

function keyOf(author: string, year: string, taken: Set<string>): string {
  const stem = `${
    author
      .normalize('NFD')
      .replace(/[^A-Za-z]/g, '')
      .toLowerCase() || 'work'
  }${year}`;
  let key = stem;
  for (let i = 0; taken.has(key); i++) key = `${stem}${String.fromCharCode(98 + (i % 25))}${i >= 25 ? i : ''}`;
  taken.add(key);
  return key;
}

/** Text that TeX would not read as commands, and braces that cannot end the field. */
export function escapeTex(text: string): string {
  return text
    .replace(/\\/g, '/')
    .replace(/[#$%&_]/g, '\\$&')
    .replace(/~/g, ' ')
    .replace(/\^/g, ' ');
}
