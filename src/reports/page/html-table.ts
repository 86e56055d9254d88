import { html, type Markup } from './markup.ts';

type Cell = Markup | string;

export interface Column {
  readonly title: Cell;
  readonly numeric?: boolean;
  /** Class of the column's cells. */
  readonly style?: string;
}

export interface RowGroup {
  /** A line above the rows. */
  readonly title?: Cell;
  readonly rows: readonly (readonly Cell[])[];
}

/** A table that scrolls by itself where it is too wide. The first cell of each row is the row's header. */
export function table(caption: string, columns: readonly Column[], groups: readonly RowGroup[], style = ''): Markup {
  const filled = groups.filter(group => group.rows.length > 0);
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}"><table class="${style}"><caption><span>${caption}</span></caption>
<thead><tr>${columns.map(column => html`<th scope="col" class="${classOf(column)}">${column.title}</th>`)}</tr></thead>
${filled.map(group => body(columns, group))}</table></div>`;
}

function body(columns: readonly Column[], { title, rows }: RowGroup): Markup {
  return html`<tbody>${
    title === undefined
      ? undefined
      : html`<tr class="group"><th scope="rowgroup" colspan="${columns.length}">${title}</th></tr>`
  }${rows.map(
    cells =>
      html`<tr>${cells.map((cell, i) => {
        const style = classOf(columns[i] ?? { title: '' });
        return i === 0 ? html`<th scope="row" class="${style}">${cell}</th>` : html`<td class="${style}">${cell}</td>`;
      })}</tr>`,
  )}</tbody>\n`;
}

function classOf({ numeric, style }: Column): string {
  return [numeric ? 'num' : '', style ?? ''].filter(Boolean).join(' ');
}
