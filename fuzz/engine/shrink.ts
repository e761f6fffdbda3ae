/** Whether a smaller input can replace the original one. */
export type Check = (candidate: Buffer) => boolean | Promise<boolean>;

/** The limits of shrinking. */
export interface ShrinkOptions {
  /** The maximum number of checks. Each check runs the target. */
  readonly tries: number;
  /** Inputs with one part less. The target knows the parts. */
  readonly simpler?: ((input: Buffer) => Iterable<Buffer>) | undefined;
}

/**
 * Makes an input smaller as long as `check` is true: it removes first whole parts, then ranges of bytes, the longest
 * first.
 */
export async function shrink(input: Buffer, check: Check, { tries, simpler }: ShrinkOptions): Promise<Buffer> {
  let best = input;
  let left = tries;
  const attempt = async (candidate: Buffer): Promise<boolean> => {
    if (left-- <= 0 || !(await check(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let again = simpler !== undefined; again && left > 0;) again = await tryEach(simpler?.(best) ?? [], attempt);
  for (let size = best.length >> 1; size > 0 && left > 0; size >>= 1) {
    // From the end, so that a removed range does not move the ranges that were not tried yet.
    for (let end = best.length; end > 0 && left > 0; end -= size) {
      const start = Math.max(0, end - size);
      if (start < best.length) await attempt(Buffer.concat([best.subarray(0, start), best.subarray(end)]));
    }
  }
  return best;
}

async function tryEach(candidates: Iterable<Buffer>, attempt: (one: Buffer) => Promise<boolean>): Promise<boolean> {
  for (const candidate of candidates) if (await attempt(candidate)) return true;
  return false;
}
