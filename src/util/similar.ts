/** The greatest number of changes between two names that are taken for the same one. */
const MAX_CHANGES = 2;

/** The name of `names` that is meant by `name`: in another case, or with one or two changes. Undefined: none. */
export function similarName(name: string, names: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let fewest = MAX_CHANGES + 1;
  for (const candidate of names) {
    const changes = changesBetween(wanted, candidate.toLowerCase());
    if (changes < fewest && changes * 3 <= candidate.length) [best, fewest] = [candidate, changes];
  }
  return best;
}

/** How many characters are added, removed or replaced, or exchanged with the next one (the optimal string alignment distance). */
function changesBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MAX_CHANGES) return MAX_CHANGES + 1;
  let before: readonly number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isExchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const exchanged = isExchanged ? (before[j - 2] ?? 0) + 1 : Infinity;
      next.push(Math.min(replaced, exchanged, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
