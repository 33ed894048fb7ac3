// What a search means: every word must be found in something that is known of a column.

/** The words of a search, lower case. */
export const words = (text) => text.toLocaleLowerCase().split(/\s+/).filter(Boolean);

const known = new WeakMap();

/** The columns of a table that all words are found in; all of them where the words name the table itself. */
export function foundIn(table, wanted) {
  const own = [table.name, table.title_ru, table.title_en].join(" ").toLocaleLowerCase();
  const rest = wanted.filter((word) => !own.includes(word));
  return table.columns.filter((column) => rest.every((word) => textOf(column).includes(word)));
}

function textOf(column) {
  if (!known.has(column)) {
    const { name, title, ru, en, field, codes } = column;
    known.set(column, [name, title, ru, en, field, ...codes.flatMap(({ code, label }) => [code, label])].join("\n").toLocaleLowerCase());
  }
  return known.get(column);
}

/** Forget what was known of a column whose words have changed. */
export const forget = (column) => known.delete(column);

/** The text as nodes, with what the words match marked. */
export function marked(text, wanted) {
  const lower = text.toLocaleLowerCase();
  if (lower.length !== text.length) return [text];
  const nodes = [];
  let at = 0;
  while (at < text.length) {
    const hits = wanted.map((word) => ({ start: lower.indexOf(word, at), word })).filter(({ start }) => start >= 0);
    if (!hits.length) break;
    const { start, word } = hits.reduce((best, hit) => (hit.start < best.start || (hit.start === best.start && hit.word.length > best.word.length) ? hit : best));
    if (start > at) nodes.push(text.slice(at, start));
    const mark = document.createElement("mark");
    mark.textContent = text.slice(start, start + word.length);
    nodes.push(mark);
    at = start + word.length;
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}
