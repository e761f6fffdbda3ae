import { ProtocolError } from "../../src/errors/errors.ts";
import type { ErrorCode } from "../../src/errors/table.ts";
import type { Bytes } from "../../src/protocol/bytes.ts";
import type { FrameSink } from "../../src/protocol/frame-reader.ts";
import { toHex } from "./bytes.ts";

/** One call of a sink: text as a string, other bytes as hexadecimal digits, a failure as its code and close code. */
export type Call =
  | readonly ["text" | "binary" | "transformed text" | "transformed binary" | "ping" | "pong", string]
  | readonly ["close", number, string | undefined]
  | readonly ["fail", ErrorCode, number];

/**
 * Records the calls of a reader, as copies, and checks the contract of the sink's interface: it throws when
 * the reader breaks it.
 */
export class RecordingSink implements FrameSink {
  /** The calls so far, oldest first. */
  readonly calls: Call[] = [];
  readonly #onCall: (call: Call) => void;

  /**
   * @param onCall - Is called inside each callback, with what has just been recorded.
   */
  constructor(onCall: (call: Call) => void = () => undefined) {
    this.#onCall = onCall;
  }

  /** True once a close frame or a failure was reported: then nothing more may come. */
  get ended(): boolean {
    const last = this.calls.at(-1)?.[0];
    return last === "close" || last === "fail";
  }

  onMessage(opcode: number, bytes: Bytes, start: number, end: number, ascii: boolean): void {
    const body = bytes.subarray(start, end);
    if (body.length !== end - start) throw new Error(`bytes[${start}, ${end}) is not inside the ${bytes.length} bytes`);
    if (ascii !== (opcode === 1 && body.every((byte) => byte < 0x80)))
      throw new Error(`ascii is ${ascii} for ${toHex(body)}`);
    if (opcode !== 1 && opcode !== 2) throw new Error(`${opcode} is no message's opcode`);
    // A text that is not UTF-8 throws here.
    if (opcode === 1) this.#record(["text", new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body)]);
    else this.#record(["binary", toHex(body)]);
  }

  onText(text: string): void {
    if (!/^[\u0000-\u007f]{0,125}$/.test(text)) throw new Error(`${JSON.stringify(text)} is no short ASCII text`);
    this.#record(["text", text]);
  }

  onTransformed(opcode: number, payload: Bytes): void {
    if (opcode !== 1 && opcode !== 2) throw new Error(`${opcode} is no message's opcode`);
    this.#record([opcode === 1 ? "transformed text" : "transformed binary", toHex(payload)]);
  }

  onFrame(): void {
    if (this.ended) throw new Error("a frame after the end");
  }

  onPing(payload: Bytes): void {
    this.#record(["ping", toHex(payload)]);
  }

  onPong(payload: Bytes): void {
    this.#record(["pong", toHex(payload)]);
  }

  onClose(code: number, reason: string | undefined): void {
    this.#record(["close", code, reason]);
  }

  onError(error: ProtocolError): void {
    if (!(error instanceof ProtocolError)) throw new Error("failed with something else than a ProtocolError");
    this.#record(["fail", error.code, error.closeCode]);
  }

  #record(call: Call): void {
    if (this.ended) throw new Error(`called after the end: ${JSON.stringify(call)}`);
    this.calls.push(call);
    this.#onCall(call);
  }
}
