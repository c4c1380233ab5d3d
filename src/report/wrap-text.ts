/** Text in lines of a width. */
import { printable } from '../base/printable.js';

/** Breaks at blanks; a word longer than the width is broken where it must be. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text.replace(/[\t\n\r]/g, ' ')).split(/(?<=\S)(?= )/)) {
    if ([...line, ...word].length <= width) {
      line += word;
      continue;
    }
    if (line.trim() !== '') lines.push(line);
    let rest = [...word.trimStart()];
    while (rest.length > width) {
      lines.push(rest.slice(0, width).join(''));
      rest = rest.slice(width);
    }
    line = rest.join('');
  }
  if (line.trim() !== '') lines.push(line);
  return lines;
}

/** A first line and those that follow it, indented as far as the text of the first. */
export function wrapHanging(lead: string, words: string, width: number): string[] {
  const room = Math.max(width - lead.length, NARROWEST);
  return wrapText(words, room).map((line, at) => `${at === 0 ? lead : ' '.repeat(lead.length)}${line.trimEnd()}`);
}

/** Columns of text that are left beside a lead, however narrow the terminal is. */
const NARROWEST = 24;
