/** Events that were left out, counted by name: a header keeps the most frequent ones. */
const MAX_NAMES = 1024;
const MAX_SHOWN = 8;

export class EventTally {
  readonly #counts = new Map<string, number>();
  #others = 0;

  add(name: string): void {
    const count = this.#counts.get(name);
    if (count !== undefined) this.#counts.set(name, count + 1);
    else if (this.#counts.size < MAX_NAMES) this.#counts.set(name, 1);
    else this.#others++;
  }

  /** "left out: sched_switch 120, softirq_raise 3, 5 others 9"; empty if there was nothing. */
  describe(): string {
    if (this.#counts.size === 0) return '';
    const sorted = [...this.#counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    const shown = sorted.slice(0, MAX_SHOWN).map(([name, count]) => `${name} ${count}`);
    const rest = sorted.slice(MAX_SHOWN).reduce((sum, [, count]) => sum + count, this.#others);
    if (rest > 0) shown.push(`others ${rest}`);
    return `left out: ${shown.join(', ')}`;
  }
}
