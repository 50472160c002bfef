// Terminal colours: text with SGR sequences as pieces with a style. Other control sequences are left out.

export interface Piece {
  text: string;
  /** Name of one of the eight colours, "bright" in front where bright; or "#rrggbb"; "" for the default. */
  color: string;
  background: string;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
}

type Style = Omit<Piece, 'text'>;

const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;
const PLAIN: Style = { color: '', background: '', bold: false, dim: false, italic: false, underline: false };
// CSI sequences, OSC sequences (titles, links), and single-character escapes.
// eslint-disable-next-line no-control-regex
const ESCAPE = /\u001b(?:\[([0-9;:?]*)([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\^_])/g;

function hex(red: number, green: number, blue: number): string {
  return `#${[red, green, blue].map((part) => (part & 255).toString(16).padStart(2, '0')).join('')}`;
}

/** A colour of the table of 256. */
function indexed(index: number): string {
  if (index < 8) return NAMES[index] ?? '';
  if (index < 16) return `bright-${NAMES[index - 8] ?? ''}`;
  if (index < 232) {
    const level = (part: number): number => (part === 0 ? 0 : 55 + part * 40);
    const cube = index - 16;
    return hex(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
  }
  const grey = 8 + (index - 232) * 10;
  return hex(grey, grey, grey);
}

/** Reads "38;5;n" or "38;2;r;g;b" after the 38 or 48; gives the colour and how many codes it took. */
function extended(codes: readonly number[], at: number): { color: string; used: number } {
  if (codes[at] === 5) return { color: indexed(codes[at + 1] ?? 0), used: 2 };
  if (codes[at] === 2) return { color: hex(codes[at + 1] ?? 0, codes[at + 2] ?? 0, codes[at + 3] ?? 0), used: 4 };
  return { color: '', used: 0 };
}

function apply(style: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map((code) => Number(code || 0));
  let next = { ...style };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 0) next = { ...PLAIN };
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code >= 30 && code <= 37) next.color = NAMES[code - 30] ?? '';
    else if (code === 39) next.color = '';
    else if (code >= 40 && code <= 47) next.background = NAMES[code - 40] ?? '';
    else if (code === 49) next.background = '';
    else if (code >= 90 && code <= 97) next.color = `bright-${NAMES[code - 90] ?? ''}`;
    else if (code >= 100 && code <= 107) next.background = `bright-${NAMES[code - 100] ?? ''}`;
    else if (code === 38 || code === 48) {
      const { color, used } = extended(codes, i + 1);
      if (code === 38) next.color = color;
      else next.background = color;
      i += used;
    }
  }
  return next;
}

/** The pieces of a line. */
export function parseAnsi(text: string): Piece[] {
  if (!text.includes('\u001b')) return text === '' ? [] : [{ text, ...PLAIN }];
  const pieces: Piece[] = [];
  let style = PLAIN;
  let from = 0;
  for (const match of text.matchAll(ESCAPE)) {
    if (match.index > from) pieces.push({ text: text.slice(from, match.index), ...style });
    from = match.index + match[0].length;
    if (match[2] === 'm') style = apply(style, match[1] ?? '');
  }
  if (from < text.length) pieces.push({ text: text.slice(from), ...style });
  return pieces;
}

/** A line without its control sequences: what is searched and saved. */
export function plainText(text: string): string {
  return text.includes('\u001b') ? text.replace(ESCAPE, '') : text;
}

/** Cuts pieces where `needle` (lower case) occurs, marking the found parts. */
export function markFound(pieces: readonly Piece[], needle: string): (Piece & { found: boolean })[] {
  if (needle === '') return pieces.map((piece) => ({ ...piece, found: false }));
  const whole = pieces
    .map((piece) => piece.text)
    .join('')
    .toLowerCase();
  const edges: [number, number][] = [];
  for (let at = whole.indexOf(needle); at >= 0; at = whole.indexOf(needle, at + needle.length))
    edges.push([at, at + needle.length]);
  const marked: (Piece & { found: boolean })[] = [];
  let start = 0;
  for (const piece of pieces) {
    const end = start + piece.text.length;
    let at = start;
    for (const [from, to] of edges) {
      if (to <= at || from >= end) continue;
      const [left, right] = [Math.max(from, at), Math.min(to, end)];
      if (left > at) marked.push({ ...piece, text: piece.text.slice(at - start, left - start), found: false });
      marked.push({ ...piece, text: piece.text.slice(left - start, right - start), found: true });
      at = right;
    }
    if (at < end) marked.push({ ...piece, text: piece.text.slice(at - start), found: false });
    start = end;
  }
  return marked;
}
