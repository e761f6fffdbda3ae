import { totalmem } from "node:os";

import { MIB } from "../util/number-range.ts";

/** A quarter of the memory that the process may have, so that data for slow peers does not exhaust it. */
export function shareOfMemory(): number {
  // Without a limit on the process it is 0, undefined, or on some systems 2^64.
  const constrained = process.constrainedMemory() as number | undefined;
  const all = Math.min(totalmem(), constrained === undefined || constrained === 0 ? Infinity : constrained);
  return Math.max(64 * MIB, Math.floor(all / 4));
}
