import type { FunctionReport } from "./coverage.ts";

/** The number of times a block was entered is rounded down to a power of two, at most 2 to this power. */
const MAX_POWER = 10;

/** More characters than any file has. */
const MAX_FILE = 2 ** 26;

/** A block of a function. */
interface Block {
  readonly start: number;
  readonly end: number;
  readonly id: number;
}

/**
 * Converts reports to features. A feature is a block of code that was entered once, twice, four times … V8 leaves a block
 * out of a report if it was entered as often as the block around it. So all blocks that were ever seen are remembered.
 */
export class FeatureMap {
  readonly #functions = new Map<string, Map<number, Block>>();
  #blocks = 0;

  /** The number of known blocks, entered or not. */
  get blocks(): number {
    return this.#blocks;
  }

  /** The features of a report, as numbers. `blockOf` returns the block of a feature. */
  of(report: readonly FunctionReport[]): Set<number> {
    const features = new Set<number>();
    for (const each of report) {
      for (const block of this.#blocksOf(each)) {
        const count = countOf(block, each);
        if (count > 0) features.add(block.id * (MAX_POWER + 1) + Math.min(MAX_POWER, Math.floor(Math.log2(count))));
      }
    }
    return features;
  }

  /** The known blocks of a function, including those that this report adds. */
  #blocksOf({ url, ranges }: FunctionReport): Iterable<Block> {
    const [own] = ranges;
    const name = `${url}:${String(own?.startOffset)}-${String(own?.endOffset)}`;
    let blocks = this.#functions.get(name);
    if (blocks === undefined) this.#functions.set(name, (blocks = new Map<number, Block>()));
    for (const { startOffset: start, endOffset: end } of ranges) {
      const place = start * MAX_FILE + end;
      if (!blocks.has(place)) blocks.set(place, { start, end, id: this.#blocks++ });
    }
    return blocks.values();
  }
}

/** The block of a feature. */
export function blockOf(feature: number): number {
  return Math.floor(feature / (MAX_POWER + 1));
}

/** Ranges are nested, outer ones first. The last range that contains the block has its count. */
function countOf({ start, end }: Block, { ranges }: FunctionReport): number {
  let count = 0;
  for (const range of ranges) if (range.startOffset <= start && range.endOffset >= end) ({ count } = range);
  return count;
}
