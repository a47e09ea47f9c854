/** A line that cannot be split into words. */
export class UnclosedQuote extends Error {
  override readonly name = 'UnclosedQuote';
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** One stretch of a word: 'verbatim', "with escapes", an escaped character, or plain characters. */
const PART = /'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^])|([^\s'"\\]+)/y;

function unescape(text: string): string {
  return text.replace(/\\([^])/g, (_all, character: string) => ESCAPES[character] ?? character);
}

/**
 * Splits a line as a shell does: words end at white space; quotes and a backslash keep what they hold together. In
 * double quotes \n, \r and \t stand for control characters. Throws UnclosedQuote.
 */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  let position = 0;
  for (;;) {
    position += /^\s*/.exec(line.slice(position))?.[0].length ?? 0;
    if (position === line.length) return words;
    let word = '';
    while (position < line.length && !/\s/.test(line[position] ?? '')) {
      PART.lastIndex = position;
      const part = PART.exec(line);
      if (part === null) throw new UnclosedQuote(`a quote is not closed, or the line ends in "\\"`);
      const [, verbatim, escaped, character, plain] = part;
      word += verbatim ?? (escaped === undefined ? (character ?? plain ?? '') : unescape(escaped));
      position = PART.lastIndex;
    }
    words.push(word);
  }
}

// eslint-disable-next-line no-control-regex -- finding them is the purpose: they could steer a terminal
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** As a JSON string without any control character. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(
    CONTROL,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The text itself, or quoted where it could be mistaken or could steer a terminal. */
export function shown(text: string): string {
  return text.startsWith('"') || text.search(CONTROL) >= 0 ? quoted(text) : text;
}
