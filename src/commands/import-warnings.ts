/**
 * Gathers the warnings of an import: how often each kind occurs, where first, and its first words. Warnings that differ
 * in numbers or in what follows a colon are of one kind. Memory does not grow with them.
 */

const MAX_KINDS = 20;
const MAX_PLACES = 3;
const MAX_WORDS = 100;

export interface Warnings {
  add(warning: { readonly place: string; readonly what: string }): void;
  /** One line a kind, in the order of their first place, indented by two. */
  lines(): string[];
}

export function createWarnings(): Warnings {
  const kinds = new Map<string, { first: string; number: number; places: string[] }>();
  let others = 0;
  return {
    add({ place, what }) {
      // Lost events are listed as gaps of the header.
      if (what.endsWith('events were lost')) return;
      const words = what.replace(/\p{Cc}/gu, '\ufffd').slice(0, MAX_WORDS);
      const name = words.split(':')[0].replace(/\d+/g, '#');
      let kind = kinds.get(name);
      if (kind === undefined) {
        if (kinds.size === MAX_KINDS) {
          others++;
          return;
        }
        kind = { first: words, number: 0, places: [] };
        kinds.set(name, kind);
      }
      kind.number++;
      if (kind.places.length < MAX_PLACES) kind.places.push(place);
    },
    lines() {
      const lines = [...kinds.values()].map(({ first, number, places }) => {
        const more = number > places.length ? ', …' : '';
        return `  ${number === 1 ? '' : `${number} × `}${first} (${places.join(', ')}${more})`;
      });
      return others > 0 ? [...lines, `  and ${others} more warnings`] : lines;
    },
  };
}
