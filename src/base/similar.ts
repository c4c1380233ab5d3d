/** What a mistyped word was probably meant to be. */

/** Edits (insert, remove, replace, swap two neighbours) that turn one word into the other. */
function countEdits(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, at) => at)];
  for (let a = 1; a <= from.length; a++) {
    rows.push([a]);
    for (let b = 1; b <= to.length; b++) {
      const replaced = rows[a - 1][b - 1] + (from[a - 1] === to[b - 1] ? 0 : 1);
      let fewest = Math.min(rows[a - 1][b] + 1, rows[a][b - 1] + 1, replaced);
      const isSwap = a > 1 && b > 1 && from[a - 1] === to[b - 2] && from[a - 2] === to[b - 1];
      if (isSwap) fewest = Math.min(fewest, rows[a - 2][b - 2] + 1);
      rows[a].push(fewest);
    }
  }
  return rows[from.length][to.length];
}

/** Of `words` the one nearest to `word`, if at most two edits and less than half of it are wrong. */
export function findSimilar(word: string, words: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Math.min(3, word.length / 2);
  for (const candidate of words) {
    const edits = countEdits(word, candidate);
    if (edits >= fewest) continue;
    fewest = edits;
    best = candidate;
  }
  return best;
}
