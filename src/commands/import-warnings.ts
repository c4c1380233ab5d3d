/** Gathers the warnings of an import: how often each kind occurs, and where first. Memory does not grow with them. */

const MAX_KINDS = 20;
const MAX_PLACES = 3;
const MAX_WORDS = 100;

export interface Warnings {
  add(warning: { readonly place: string; readonly what: string }): void;
  /** One line a kind, in the order of their first place; indented. */
  lines(): string[];
}

export function createWarnings(): Warnings {
  const kinds = new Map<string, { number: number; places: string[] }>();
  let others = 0;
  return {
    add({ place, what }) {
      // Lost events are listed as gaps of the header.
      if (what.endsWith('events were lost')) return;
      const words = what.replace(/\p{Cc}/gu, '\ufffd').slice(0, MAX_WORDS);
      let kind = kinds.get(words);
      if (kind === undefined) {
        if (kinds.size === MAX_KINDS) {
          others++;
          return;
        }
        kind = { number: 0, places: [] };
        kinds.set(words, kind);
      }
      kind.number++;
      if (kind.places.length < MAX_PLACES) kind.places.push(place);
    },
    lines() {
      const lines = [...kinds].map(([what, { number, places }]) => {
        const more = number > places.length ? ', …' : '';
        return `  ${number === 1 ? '' : `${number} × `}${what} (${places.join(', ')}${more})`;
      });
      return others > 0 ? [...lines, `  and ${others} more warnings`] : lines;
    },
  };
}
