/** Whether a smaller input still does what it was kept for. */
export type Check = (candidate: Buffer) => boolean | Promise<boolean>;

/** How far shrinking goes. */
export interface ShrinkOptions {
  /** Checks at most: each runs the target. */
  readonly tries: number;
  /** Whole parts that can be taken away; the target knows them. */
  readonly simpler?: ((input: Buffer) => Iterable<Buffer>) | undefined;
}

/**
 * Makes an input smaller as long as `check` holds: first whole parts of it are taken away, then ranges of bytes, the
 * longest first.
 */
export async function shrink(input: Buffer, check: Check, { tries, simpler }: ShrinkOptions): Promise<Buffer> {
  let best = input;
  let left = tries;
  const attempt = async (candidate: Buffer): Promise<boolean> => {
    if (left-- <= 0 || !(await check(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let again = simpler !== undefined; again && left > 0;)
    again = await firstThatHolds(simpler?.(best) ?? [], attempt);
  for (let size = best.length >> 1; size > 0 && left > 0; size >>= 1) {
    // From behind, so that what is taken away does not move what is still to be tried.
    for (let end = best.length; end > 0 && left > 0; end -= size) {
      const start = Math.max(0, end - size);
      if (start < best.length) await attempt(Buffer.concat([best.subarray(0, start), best.subarray(end)]));
    }
  }
  return best;
}

async function firstThatHolds(
  candidates: Iterable<Buffer>,
  attempt: (one: Buffer) => Promise<boolean>,
): Promise<boolean> {
  for (const candidate of candidates) if (await attempt(candidate)) return true;
  return false;
}
