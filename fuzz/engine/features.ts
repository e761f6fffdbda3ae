import type { FunctionReport } from "./coverage.ts";

/** How often a block was entered is told apart by powers of two, up to this one. */
const MOST = 10;

/** No file has so many characters. */
const MAX_FILE = 2 ** 26;

/** A block of a function. */
interface Block {
  readonly start: number;
  readonly end: number;
  readonly id: number;
}

/**
 * Turns reports into features: a feature is a block of code that was entered once, twice, four times … V8 leaves a block
 * out of a report when it was entered as often as what it is in, so all blocks that were ever seen are remembered.
 */
export class FeatureMap {
  readonly #functions = new Map<string, Map<number, Block>>();
  #blocks = 0;

  /** How many blocks are known: entered or not. */
  get blocks(): number {
    return this.#blocks;
  }

  /** The features in a report, as numbers; `blockOf` tells the block of one. */
  of(report: readonly FunctionReport[]): Set<number> {
    const features = new Set<number>();
    for (const each of report) {
      for (const block of this.#blocksOf(each)) {
        const count = countOf(block, each);
        if (count > 0) features.add(block.id * (MOST + 1) + Math.min(MOST, Math.floor(Math.log2(count))));
      }
    }
    return features;
  }

  /** The blocks of a function that are known, with those that this report adds. */
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

/** The block that a feature is about. */
export function blockOf(feature: number): number {
  return Math.floor(feature / (MOST + 1));
}

/** Ranges are nested, outer ones first: the last that holds the block is the one that counts it. */
function countOf({ start, end }: Block, { ranges }: FunctionReport): number {
  let count = 0;
  for (const range of ranges) if (range.startOffset <= start && range.endOffset >= end) ({ count } = range);
  return count;
}
