/** Ends something that runs: it must not throw. */
type End = () => unknown;

const ends = new Set<End>();

/** Remembers what must be ended. Returns a function that ends it, once. */
export function mustEnd(end: End): () => Promise<void> {
  ends.add(end);
  return async () => {
    if (ends.delete(end)) await end();
  };
}

/** Ends all that runs: the script is interrupted. */
export async function endAll(): Promise<void> {
  const all = [...ends].reverse();
  ends.clear();
  await Promise.allSettled(all.map((end) => Promise.resolve().then(end)));
}
