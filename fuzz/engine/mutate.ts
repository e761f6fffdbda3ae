import type { Random } from "./random.ts";
import type { Mutator } from "./target.ts";

/** Integers at the limits of lengths, codes and signed numbers. */
const INTERESTING: readonly number[] = [
  0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 100, 123, 124, 125, 126, 127, 128, 129, 254, 255, 256, 257, 999, 1000,
  1001, 1002, 1004, 1005, 1006, 1015, 1016, 2999, 3000, 4095, 4096, 4999, 5000, 16_383, 16_384, 32_767, 32_768, 65_534,
  65_535, 65_536, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];

/** Bytes that have a meaning in one of the grammars. */
const BYTES = Buffer.from('\0\t\r\n !"#%*,/:;=?@[\\]{}~\x7f\x80\xbf\xc0\xc2\xe0\xed\xf0\xf4\xff', "latin1");

/** Mutations that do not depend on the meaning of the bytes. */
export const byteMutators: readonly Mutator[] = [
  flipBit,
  setByte,
  addToByte,
  insertBytes,
  insertBytes,
  removeRange,
  removeRange,
  repeatRange,
  moveRange,
  overwriteInteger,
  shortenAtEnd,
  splice,
  copyFromOther,
];

function changed(input: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(input);
  if (copy.length > 0) change(copy);
  return copy;
}

function flipBit(input: Buffer, random: Random): Buffer {
  return changed(input, (copy) => {
    const at = random.below(copy.length);
    copy.writeUInt8(copy.readUInt8(at) ^ (1 << random.below(8)), at);
  });
}

function setByte(input: Buffer, random: Random): Buffer {
  return changed(input, (copy) => {
    copy.writeUInt8(random.oneIn(2) ? random.pick([...BYTES]) : random.below(256), random.below(copy.length));
  });
}

function addToByte(input: Buffer, random: Random): Buffer {
  return changed(input, (copy) => {
    const at = random.below(copy.length);
    copy.writeUInt8((copy.readUInt8(at) + random.between(-8, 8)) & 0xff, at);
  });
}

function insertBytes(input: Buffer, random: Random): Buffer {
  const at = random.below(input.length + 1);
  const count = random.oneIn(8) ? random.between(1, 200) : random.between(1, 8);
  const inserted = random.oneIn(2) ? random.bytes(count) : Buffer.alloc(count, random.pick([...BYTES]));
  return Buffer.concat([input.subarray(0, at), inserted, input.subarray(at)]);
}

/** The start and the end of a part of an input, usually a short one. */
function rangeOf(input: Buffer, random: Random): readonly [start: number, end: number] {
  const start = random.below(input.length);
  const maximum = random.oneIn(3) ? input.length - start : Math.min(16, input.length - start);
  return [start, start + random.between(1, maximum)];
}

function removeRange(input: Buffer, random: Random): Buffer {
  const [start, end] = rangeOf(input, random);
  return Buffer.concat([input.subarray(0, start), input.subarray(end)]);
}

function repeatRange(input: Buffer, random: Random): Buffer {
  const [start, end] = rangeOf(input, random);
  const times = random.oneIn(8) ? random.between(2, 100) : random.between(1, 3);
  const piece = input.subarray(start, end);
  return Buffer.concat([input.subarray(0, end), ...Array<Buffer>(times).fill(piece), input.subarray(end)]);
}

function moveRange(input: Buffer, random: Random): Buffer {
  const [start, end] = rangeOf(input, random);
  const rest = Buffer.concat([input.subarray(0, start), input.subarray(end)]);
  const at = random.below(rest.length + 1);
  return Buffer.concat([rest.subarray(0, at), input.subarray(start, end), rest.subarray(at)]);
}

function overwriteInteger(input: Buffer, random: Random): Buffer {
  const size = random.pick([1, 2, 4, 8]);
  if (input.length < size) return flipBit(input, random);
  return changed(input, (copy) => {
    const at = random.below(copy.length - size + 1);
    const value = random.pick(INTERESTING);
    if (size === 8) copy.writeBigUInt64BE(random.oneIn(2) ? BigInt(value) : BigInt(value) << 32n, at);
    else copy.writeUIntBE(value % 2 ** (8 * size), at, size);
  });
}

function shortenAtEnd(input: Buffer, random: Random): Buffer {
  return input.subarray(0, random.below(input.length + 1));
}

function splice(input: Buffer, random: Random, other: Buffer): Buffer {
  return Buffer.concat([
    input.subarray(0, random.below(input.length + 1)),
    other.subarray(random.below(other.length + 1)),
  ]);
}

function copyFromOther(input: Buffer, random: Random, other: Buffer): Buffer {
  const [start, end] = rangeOf(other, random);
  const at = random.below(input.length + 1);
  const next = random.oneIn(2) ? at : Math.min(input.length, at + end - start);
  return Buffer.concat([input.subarray(0, at), other.subarray(start, end), input.subarray(next)]);
}

/** The maximum number of mutations that are applied one after the other. */
const MAX_STACKED = 6;

/**
 * Makes a new input from one of the corpus: by a few mutations one after the other, most of them of the target's own
 * mutators.
 *
 * @param structured the mutators of the target, which know the meaning of the bytes
 * @param other another input of the corpus
 */
export function mutate(
  input: Buffer,
  other: Buffer,
  random: Random,
  structured: readonly Mutator[],
  maxLength: number,
): Buffer {
  let result = input;
  for (let times = 1 + random.below(random.pick([1, 2, MAX_STACKED])); times > 0; times--) {
    const useStructured = structured.length > 0 && !random.oneIn(3);
    result = random.pick(useStructured ? structured : byteMutators)(result, random, other);
    if (result.length > maxLength) result = result.subarray(0, maxLength);
  }
  return Buffer.from(result);
}
