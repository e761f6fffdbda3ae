import { InvalidArgumentError, OutOfRangeError } from "../../../src/hawser.ts";
import { InvariantError } from "../../engine/target.ts";

/** An argument for `send`, and the payload that must appear on the wire; "refused" if `send` must refuse it. */
export interface Outgoing {
  readonly message: unknown;
  readonly wire: string | Buffer;
}

/** A `Blob` whose content can be read when a promise is fulfilled. If the promise is rejected, reading fails. */
export class DelayedBlob extends Blob {
  readonly #ready: Promise<unknown>;

  constructor(content: string, ready: Promise<unknown>) {
    super([content]);
    this.#ready = ready;
    // If it is not sent, nothing reads it.
    ready.catch(() => undefined);
  }

  override async arrayBuffer(): Promise<ArrayBuffer> {
    await this.#ready;
    return super.arrayBuffer();
  }
}

const LARGE = 20_000;
const LARGER = 70_000;

/** Messages of all types, and of sizes that are written in different ways. Some must be refused. */
export function outgoing(which: number, count: number, pendingPromise: () => Promise<unknown>): Outgoing {
  const number = String(count);
  const kinds: readonly (() => Outgoing)[] = [
    () => text(`text ${number}`),
    () => text("the same"),
    () => text(`κόσμε 𝄞 ${number}`),
    () => text(""),
    () => text(`${number} `.padEnd(LARGE, "x")),
    () => text(`${number} `.padEnd(LARGER, "é")),
    () => binary(Buffer.from(`bytes ${number}`)),
    () => binary(Buffer.alloc(0)),
    () => binary(Buffer.alloc(LARGE, count)),
    () => binary(Buffer.alloc(LARGER, count)),
    () => ({ message: new Blob([`blob ${number}`]), wire: Buffer.from(`blob ${number}`) }),
    () => ({ message: new DelayedBlob(`held ${number}`, pendingPromise()), wire: Buffer.from(`held ${number}`) }),
    () => ({ message: { count }, wire: JSON.stringify({ count }) }),
    () => ({ message: new Map(), wire: "refused" }),
    () => ({ message: count, wire: "refused" }),
    () => ({ message: undefined, wire: "refused" }),
  ];
  return (kinds[which % kinds.length] ?? (() => text("")))();
}

function text(message: string): Outgoing {
  return { message, wire: message };
}

function binary(message: Buffer): Outgoing {
  return { message, wire: Buffer.from(message) };
}

/** Arguments for `terminate`, valid and invalid. */
export const TERMINATIONS: readonly (readonly unknown[])[] = [
  ...[
    [],
    [1000],
    [1001],
    [1011],
    [3001, "reason"],
    [4999, ""],
    [3001, "x".repeat(123)],
    [{ code: 4000, message: "κόσμε" }],
    [{}],
  ],
  ...[[1005], [1006], [999], [5000], ["1000"], [3001, "x".repeat(124)], [3001, 5], [null], [NaN]],
];

/** Calls the library as an application does. Returns undefined if a documented error is thrown; other errors are a failure. */
export function documented<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof InvalidArgumentError || error instanceof OutOfRangeError) return undefined;
    throw new InvariantError(
      "a call throws an error that is not documented",
      error instanceof Error ? error.stack : error,
      {
        cause: error,
      },
    );
  }
}
