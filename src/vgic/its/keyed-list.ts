/**
 * A linked list of the hypervisor, found through by key: the model answers from an index and says how many nodes the
 * hypervisor's walk would have visited. Order is that of appending, until sort() changes it for good (vgic-spec 6.1, 6.9).
 */

export interface Keyed {
  readonly key: number;
  /** Where the list keeps it; the list's own. */
  place: number;
}

/** Up to so many places are walked: an index costs more. */
const SHORT = 16;

export class KeyedList<T extends Keyed> {
  /** Removed items leave holes, until there are more of them than items. */
  #places: (T | undefined)[] = [];
  #length = 0;
  /** Key → first item with it; kept while the list is long. */
  #index: Map<number, T> | undefined;
  /** Key → items whose key an earlier item of the index has too, in list order. */
  readonly #twins = new Map<number, T[]>();
  /** Holes by place, a Fenwick tree over this many places + 1; undefined: there is no hole. */
  #holes: Int32Array | undefined;
  /** Nodes that the walk of the last find visited: up to the item, or all. */
  visited = 0;

  get length(): number {
    return this.#length;
  }

  /** First item with the key. */
  find(key: number): T | undefined {
    const found = this.#lookUp(key);
    this.visited = found === undefined ? this.#length : this.#rank(found.place);
    return found;
  }

  append(item: T): void {
    if (this.#holes !== undefined && this.#places.length + 1 >= this.#holes.length) this.#pack(this.items());
    item.place = this.#places.length;
    this.#places.push(item);
    this.#length += 1;
    if (this.#index !== undefined) this.#indexItem(item);
    else if (this.#places.length > SHORT) this.#buildIndex();
  }

  remove(item: T): void {
    const { place } = item;
    this.#places[place] = undefined;
    this.#length -= 1;
    if (this.#length === 0) {
      this.clear();
      return;
    }
    if (this.#index !== undefined) this.#unindexItem(item);
    this.#holes ??= new Int32Array(2 * this.#places.length + 1);
    for (let at = place + 1; at < this.#holes.length; at += at & -at) this.#holes[at] += 1;
    if (this.#places.length > SHORT && this.#places.length > 2 * this.#length) this.#pack(this.items());
  }

  /** In list order; a copy. */
  items(): T[] {
    return this.#places.filter((item) => item !== undefined);
  }

  /** In list order; `visit` may remove the item it is given. */
  forEach(visit: (item: T) => void): void {
    for (const item of this.#places) if (item !== undefined) visit(item);
  }

  /** By key; items of one key in reverse order, since the kernel's comparator never says "equal" (vgic-spec 6.10). */
  sort(): void {
    this.#pack(this.items().sort((a, b) => a.key - b.key || b.place - a.place));
  }

  clear(): void {
    this.#places = [];
    this.#length = 0;
    this.#index = undefined;
    this.#twins.clear();
    this.#holes = undefined;
  }

  #lookUp(key: number): T | undefined {
    if (this.#index !== undefined) return this.#index.get(key);
    for (const item of this.#places) if (item !== undefined && item.key === key) return item;
    return undefined;
  }

  #rank(place: number): number {
    if (this.#holes === undefined) return place + 1;
    let holes = 0;
    for (let at = place + 1; at > 0; at -= at & -at) holes += this.#holes[at];
    return place + 1 - holes;
  }

  #pack(items: T[]): void {
    this.#places = items;
    items.forEach((item, place) => {
      item.place = place;
    });
    this.#holes = undefined;
    this.#index = undefined;
    this.#twins.clear();
    if (items.length > SHORT) this.#buildIndex();
  }

  #buildIndex(): void {
    this.#index = new Map();
    for (const item of this.#places) if (item !== undefined) this.#indexItem(item);
  }

  #indexItem(item: T): void {
    if (!this.#index!.has(item.key)) {
      this.#index!.set(item.key, item);
      return;
    }
    const twins = this.#twins.get(item.key);
    if (twins === undefined) this.#twins.set(item.key, [item]);
    else twins.push(item);
  }

  #unindexItem(item: T): void {
    const index = this.#index!;
    const twins = this.#twins.get(item.key);
    if (twins === undefined) {
      index.delete(item.key);
      return;
    }
    if (index.get(item.key) === item) index.set(item.key, twins.shift()!);
    else twins.splice(twins.lastIndexOf(item), 1);
    if (twins.length === 0) this.#twins.delete(item.key);
  }
}
