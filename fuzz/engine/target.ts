import type { Random } from "./random.ts";

/** Makes another input of one. `other` is a second one of the corpus, for those that mix two. Neither is written on. */
export type Mutator = (input: Buffer, random: Random, other: Buffer) => Buffer;

/** What a target may ask of the one who runs it. */
export interface RunContext {
  /**
   * How many steps of the library's code a call makes: how often its blocks are entered. It is counted, not timed;
   * undefined where nobody counts.
   */
  readonly steps?: (call: () => void) => number;
}

/** A part of the library under attack: what bytes are for it, and what must hold whatever they are. */
export interface Target {
  /** As `--target` says it, and as its file in the corpus is called. */
  readonly name: string;
  /** How its inputs are written down: as hexadecimal digits, or as text with a character a byte. */
  readonly notation: "hex" | "text";
  /** Bytes of an input at most. */
  readonly maxLength: number;
  /** Inputs whose coverage is taken together: taking it costs more than a millisecond, whatever ran. */
  readonly batch: number;
  /** Those that know what the bytes mean. The byte-wise ones are for all. */
  readonly mutators: readonly Mutator[];
  /** Simpler inputs that may show the same, the simplest first: what is taken away is a whole frame, not some of its bytes. */
  readonly simpler?: (input: Buffer) => Iterable<Buffer>;
  /** Runs one input. Throws, or rejects, when an invariant is broken. Nothing of it is left when it has returned. */
  run(input: Buffer, context: RunContext): void | Promise<void>;
}

/** An invariant does not hold. */
export class Broken extends Error {
  override readonly name = "Broken";
  /** Says which invariant: without what differs from input to input, so that finds can be told apart. */
  readonly invariant: string;

  /** @param detail what was found instead */
  constructor(invariant: string, detail?: unknown, options?: { readonly cause?: unknown }) {
    super(detail === undefined ? invariant : `${invariant}: ${shown(detail)}`, options);
    this.invariant = invariant;
  }
}

/** Throws `Broken` unless `condition` holds. */
export function holds(condition: boolean, invariant: string, detail?: unknown): asserts condition {
  if (!condition) throw new Broken(invariant, detail);
}

/** Bytes of a detail that are shown at most. */
const MAX_SHOWN = 2000;

function shown(detail: unknown): string {
  const text = typeof detail === "string" ? detail : JSON.stringify(detail);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
