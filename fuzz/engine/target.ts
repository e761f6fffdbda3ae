import type { Random } from "./random.ts";

/** Makes a new input from one. `other` is a second input of the corpus, for mutators that mix two. Neither is changed. */
export type Mutator = (input: Buffer, random: Random, other: Buffer) => Buffer;

/** What the fuzzer provides to a target. */
export interface RunContext {
  /**
   * The number of steps of the library's code in a call: how often its blocks are entered. This is counted, not timed.
   * Undefined if steps are not counted.
   */
  readonly steps?: (call: () => void) => number;
}

/** A part of the library that is fuzzed: how it reads an input, and what must be true for every input. */
export interface Target {
  /** The name for `--target`, and of its file in the corpus. */
  readonly name: string;
  /** How its inputs are written in the corpus: as hexadecimal digits, or as text with one character per byte. */
  readonly notation: "hex" | "text";
  /** The maximum length of an input in bytes. */
  readonly maxLength: number;
  /** The number of inputs whose coverage is read together: each reading takes more than a millisecond. */
  readonly batch: number;
  /** Mutators that know the meaning of the bytes. The general ones are used for every target. */
  readonly mutators: readonly Mutator[];
  /** Simpler inputs that may have the same effect, the simplest first: for example without one of the frames. */
  readonly simpler?: (input: Buffer) => Iterable<Buffer>;
  /** Runs one input. Throws or rejects if an invariant does not hold. It must leave nothing running. */
  run(input: Buffer, context: RunContext): void | Promise<void>;
}

/** An invariant does not hold. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
  /** Names the invariant, in a text that is the same for every input. */
  readonly invariant: string;

  /** @param detail the values that caused the failure */
  constructor(invariant: string, detail?: unknown, options?: { readonly cause?: unknown }) {
    super(detail === undefined ? invariant : `${invariant}: ${shown(detail)}`, options);
    this.invariant = invariant;
  }
}

/** Throws `InvariantError` unless `condition` holds. */
export function holds(condition: boolean, invariant: string, detail?: unknown): asserts condition {
  if (!condition) throw new InvariantError(invariant, detail);
}

/** The maximum number of characters of a detail that are shown. */
const MAX_SHOWN = 2000;

function shown(detail: unknown): string {
  const text = typeof detail === "string" ? detail : JSON.stringify(detail);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
