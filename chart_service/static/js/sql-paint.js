// A statement cut into what it is made of, for its colours only; what it means is for the service to say.
const KEYWORDS = new Set(`select from where group by having order limit offset fetch first next rows row only with recursive as on using join left right full inner
outer cross lateral natural union intersect except all distinct case when then else end and or not in is null true false between like ilike similar to exists any some
over partition window range groups unbounded preceding following current filter within asc desc nulls last values interval date timestamp time zone at cast extract
array grouping sets cube rollup tablesample materialized collate escape default current_date current_timestamp`.split(/\s+/));
const PARTS = /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|('(?:[^']|'')*(?:'|$))|("(?:[^"]|"")*(?:"|$))|(\b\d+(?:\.\d+)?\b)|([\p{L}_][\p{L}\p{N}_$]*)(?=(\s*\()?)/gu;

/** Pieces in order: {text, kind}, kind one of "comment", "string", "quoted", "number", "keyword", "call", "". */
export function pieces(sql) {
  const found = [];
  let at = 0;
  for (const match of sql.matchAll(PARTS)) {
    if (match.index > at) found.push({ text: sql.slice(at, match.index), kind: "" });
    const [text, comment, string, quoted, digits, word, call] = match;
    found.push({ text, kind: comment ? "comment" : string ? "string" : quoted ? "quoted" : digits ? "number" : wordKind(word, call) });
    at = match.index + text.length;
  }
  if (at < sql.length) found.push({ text: sql.slice(at), kind: "" });
  return found;
}

const wordKind = (word, call) => (KEYWORDS.has(word.toLowerCase()) ? "keyword" : call ? "call" : "");

/** The same by line: an array of arrays of pieces. */
export function lines(sql) {
  const all = [[]];
  for (const { text, kind } of pieces(sql)) {
    text.split("\n").forEach((part, at) => {
      if (at) all.push([]);
      if (part) all.at(-1).push({ text: part, kind });
    });
  }
  return all;
}

/** Where the word at a place ends: [start, end) in characters of the line. A place after the line's end marks its last one. */
export function wordAt(line, column) {
  const characters = [...line];
  const start = Math.max(0, Math.min(column - 1, characters.length - 1));
  const rest = characters.slice(start).join("");
  const length = /^(?:[\p{L}\p{N}_$.]+|"(?:[^"])*"|'[^']*'|\S)/u.exec(rest)?.[0];
  return [characters.slice(0, start).join("").length, characters.slice(0, start).join("").length + (length?.length ?? 1)];
}
