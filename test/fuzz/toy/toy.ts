/** A reader with a bug that four checks hide. One byte in sixteen passes each check. */
export function readToy(input: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0] = input;
  if (a >> 4 !== 0x6) return 0;
  if (b >> 4 !== 0xb) return 1;
  if (c >> 4 !== 0x1) return 2;
  if (d >> 4 !== 0xe) return 3;
  throw new RangeError(`the planted bug, at ${String(input.length)} bytes`);
}

/** Goes round a loop as often as the first byte says. */
export function loopToy(times: number): number {
  let sum = 0;
  for (let i = 0; i < times; i++) sum += i;
  return sum;
}
