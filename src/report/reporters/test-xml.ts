/** Test support: elements, attributes and text of an XML document, strictly; no comments, no CDATA, no doctype. */
import assert from 'node:assert/strict';

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  assert.doesNotMatch(text, /[<]/, text);
  // Char of XML 1.0.
  assert.match(text, /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u);
  return text.replace(/&([^;]*);?/g, (whole, name: string) => {
    if (name.startsWith('#')) return String.fromCodePoint(Number(name.slice(1)));
    return ENTITIES[name] ?? assert.fail(`unknown entity ${whole}`);
  });
}

export function parseXml(text: string): XmlElement {
  const head = '<?xml version="1.0" encoding="UTF-8"?>\n';
  assert.ok(text.startsWith(head));
  let at = head.length;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    const sticky = new RegExp(pattern.source, 'uy');
    sticky.lastIndex = at;
    const match = sticky.exec(text);
    if (match !== null) at = sticky.lastIndex;
    return match;
  };
  function element(): XmlElement {
    const [, name] = take(/<([a-z-]+)/) ?? assert.fail(`an element at ${at}: ${text.slice(at, at + 40)}`);
    const attributes: Record<string, string> = {};
    for (let found = take(/ ([a-z]+)="([^"]*)"/); found !== null; found = take(/ ([a-z]+)="([^"]*)"/)) {
      assert.ok(!(found[1] in attributes), `${found[1]} twice`);
      attributes[found[1]] = unescapeXml(found[2]);
    }
    assert.ok(take(/>/), `the end of <${name} at ${at}`);
    const children: XmlElement[] = [];
    let own = unescapeXml(take(/[^<]*/)![0]);
    while (!text.startsWith('</', at)) {
      children.push(element());
      own += unescapeXml(take(/[^<]*/)![0]);
    }
    assert.equal(take(/<\/([a-z-]+)>/)?.[1], name);
    return { name, attributes, children, text: own };
  }
  const root = element();
  assert.equal(text.slice(at), '\n');
  return root;
}
