/** HTML with escaping that cannot be forgotten: only `Html` values enter a page as they are. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | null | false | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes for text and quoted attributes. Control characters and turns of writing direction become U+FFFD. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ENTITIES[sign]).replace(/[^\P{Cc}\t\n\r]|\p{Bidi_Control}/gu, '\ufffd');
}

function renderPart(part: Part): string {
  if (part === null || part === false) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map(renderPart).join('');
  return escapeHtml(String(part));
}

/** Template tag: the literal parts are trusted, every inserted string or number is escaped. */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = literals[0];
  parts.forEach((part, index) => {
    text += renderPart(part) + literals[index + 1];
  });
  return new Html(text);
}
