// Where things stand on a grid: arithmetic on {id, x, y, w, h} alone. Nothing here touches the page.
export const COLUMNS = 12;
export const LEAST = { chart: { w: 2, h: 3 }, heading: { w: 2, h: 1 }, text: { w: 2, h: 1 } };

const overlap = (one, two) =>
  one.x < two.x + two.w && two.x < one.x + one.w && one.y < two.y + two.h && two.y < one.y + one.h;
const inOrder = (one, two) => one.y - two.y || one.x - two.x;

/**
 * The items without overlaps and without empty rows above any: each as far up as it goes. `first`, an item that a person
 * moves, keeps its place against those it was put on. Answers new items in the given order.
 */
export function arranged(items, first = null) {
  const order = [...items].sort((one, two) => inOrder(one, two) || (one.id === first ? -1 : two.id === first ? 1 : 0));
  if (first !== null)
    order.sort((one, two) => one.y - two.y || (one.id === first ? -1 : two.id === first ? 1 : one.x - two.x));
  const placed = [];
  const free = (item) => !placed.some((other) => overlap(item, other));
  for (const original of order) {
    const item = { ...original };
    while (!free(item)) item.y += 1;
    while (item.y > 0 && free({ ...item, y: item.y - 1 })) item.y -= 1;
    placed.push(item);
  }
  const by = new Map(placed.map((item) => [item.id, item]));
  return items.map((item) => by.get(item.id));
}

/** The items with one of them moved or sized, the others out of its way. Stays within the columns and its least size. */
export function moved(items, id, change) {
  const item = items.find((one) => one.id === id);
  const least = LEAST[item.kind] ?? { w: 1, h: 1 };
  const next = { ...item, ...change };
  next.w = Math.max(least.w, Math.min(next.w, COLUMNS));
  next.h = Math.max(least.h, Math.min(next.h, 100));
  if ("w" in change && !("x" in change)) next.w = Math.min(next.w, COLUMNS - next.x);
  next.x = Math.max(0, Math.min(next.x, COLUMNS - next.w));
  next.y = Math.max(0, next.y);
  return arranged(
    items.map((one) => (one.id === id ? next : one)),
    id,
  );
}

/** The first place where something of this size fits below everything, or in a hole of the last rows. */
export function placeFor(items, { w, h }) {
  const bottom = items.reduce((low, item) => Math.max(low, item.y + item.h), 0);
  for (let y = Math.max(0, bottom - h); y <= bottom; y += 1) {
    for (let x = 0; x + w <= COLUMNS; x += 1) if (!items.some((item) => overlap({ x, y, w, h }, item))) return { x, y };
  }
  return { x: 0, y: bottom };
}

/**
 * The same items on fewer columns, in reading order, row by row: on 6, things of up to a third share a row; on 2 (a
 * phone), only numbers do. The last of a row that leaves a gap takes it.
 */
export function reflowed(items, columns) {
  if (columns === COLUMNS) return items;
  const rows = [];
  let row = null;
  for (const item of [...items].sort(inOrder)) {
    const small = columns === 6 ? item.w <= 4 : item.kind === "chart" && item.w <= 3 && item.h <= 4;
    const w = small ? columns / 2 : columns;
    if (!row || row.used + w > columns) rows.push((row = { used: 0, items: [] }));
    row.items.push({ ...item, x: row.used, w });
    row.used += w;
  }
  let y = 0;
  const placed = new Map();
  for (const { items: inRow, used } of rows) {
    inRow.at(-1).w += columns - used;
    const h = Math.max(...inRow.map((item) => item.h));
    for (const item of inRow) placed.set(item.id, { ...item, y, h: item.kind === "chart" ? h : item.h });
    y += h;
  }
  return items.map((item) => placed.get(item.id));
}

export const sameLayout = (one, two) =>
  one.length === two.length &&
  one.every((item, at) => ["id", "x", "y", "w", "h"].every((key) => item[key] === two[at][key]));
