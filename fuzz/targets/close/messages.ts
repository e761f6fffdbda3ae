import { InvalidArgumentError, OutOfRangeError } from "../../../src/hawser.ts";
import { Broken } from "../../engine/target.ts";

/** What `send` may be given; `wire` is what is to be seen of it. */
export interface Outgoing {
  readonly message: unknown;
  readonly wire: string | Buffer;
}

/** A `Blob` that is read when a promise settles; with what the blob has, or not at all. */
export class HeldBlob extends Blob {
  readonly #until: Promise<unknown>;

  constructor(content: string, until: Promise<unknown>) {
    super([content]);
    this.#until = until;
    // Where it is not sent, nobody reads it.
    until.catch(() => undefined);
  }

  override async arrayBuffer(): Promise<ArrayBuffer> {
    await this.#until;
    return super.arrayBuffer();
  }
}

const LARGE = 20_000;
const LARGER = 70_000;

/** Messages of all kinds and of the sizes at which they are written in another way; some are none. */
export function outgoing(which: number, count: number, gate: () => Promise<unknown>): Outgoing {
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
    () => ({ message: new HeldBlob(`held ${number}`, gate()), wire: Buffer.from(`held ${number}`) }),
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

/** Arguments of `terminate`, right and wrong. */
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

/** Calls the library as a user does. Only what is documented may be thrown; returns undefined then. */
export function documented<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof InvalidArgumentError || error instanceof OutOfRangeError) return undefined;
    throw new Broken("a call throws what is not documented", error instanceof Error ? error.stack : error, {
      cause: error,
    });
  }
}
