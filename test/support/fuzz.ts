/** The seed of every random test: the same cases each time, unless `FUZZ_SEED` asks for others. */
export const seed = Number(process.env["FUZZ_SEED"] ?? 6455);

/**
 * The number of random cases: `usual`, or `FUZZ_TIMES` times as many.
 *
 * @param usual - How many cases a normal run tries.
 */
export function cases(usual: number): number {
  return usual * Number(process.env["FUZZ_TIMES"] ?? 1);
}
