import { constants, deflateRawSync } from "node:zlib";
import { assert, asyncProperty, array, constantFrom, integer } from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_COMPRESSION } from "../../src/compression/settings.ts";
import { PieceDeflater, inflatePieces } from "../../src/compression/zlib-streams.ts";
import { type Bytes, asBytes } from "../../src/protocol/bytes.ts";
import { cutAt } from "../support/bytes.ts";
import { FLUSH, hex, json, noise, readBack } from "./samples.ts";

const { Z_SYNC_FLUSH } = constants;

/** The payload of a message (RFC 7692 7.2.1). */
function payloadOf(message: Uint8Array): Buffer {
  return deflateRawSync(message, { finishFlush: Z_SYNC_FLUSH }).subarray(0, -FLUSH.length);
}

/** What comes out of the pieces, or the code of the error. */
async function inflated(...pieces: readonly Uint8Array[]): Promise<Buffer | string> {
  const output: Buffer[] = [];
  const rest = pieces.map((piece) => asBytes(Buffer.from(piece)));
  try {
    for await (const part of inflatePieces(() => Promise.resolve(rest.shift()))) output.push(Buffer.from(part));
    return Buffer.concat(output);
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
}

describe("decompression piece by piece", () => {
  test("gives the same bytes however the payload is cut", async () => {
    const message = json(20_000);
    const payload = payloadOf(message);
    await assert(
      asyncProperty(array(integer({ min: 1, max: payload.length - 1 }), { maxLength: 20 }), async (cuts) => {
        expect(await inflated(...cutAt(payload, cuts))).toEqual(message);
      }),
      { numRuns: 50 },
    );
  });

  test("gives no bytes for an empty message, in any of its forms", async () => {
    expect(await inflated()).toEqual(Buffer.alloc(0));
    expect(await inflated(hex("00"))).toEqual(Buffer.alloc(0));
  });

  test("reads a payload that still has the end of its flush, wherever it is cut", async () => {
    const message = json(5000);
    const payload = Buffer.concat([payloadOf(message), FLUSH]);
    for (const cut of [payload.length - 1, payload.length - 3, payload.length - 4, 9])
      expect(await inflated(...cutAt(payload, [cut]))).toEqual(message);
  });

  test("goes on after a block with BFINAL set, four times, and no more", async () => {
    const part = deflateRawSync("part");
    expect(await inflated(Buffer.concat([part, part, part]), part, payloadOf(Buffer.from("end")))).toEqual(
      Buffer.from("partpartpartpartend"),
    );
    expect(await inflated(part)).toEqual(Buffer.from("part"));
    expect(await inflated(Buffer.concat([part, part, part, part, part, part]))).toBe("HWS_INVALID_COMPRESSION");
  });

  test("reports data that is not DEFLATE, or that ends early, wherever it was cut", async () => {
    expect(await inflated(hex("07 07"))).toBe("HWS_INVALID_COMPRESSION");
    const payload = payloadOf(json(300));
    for (let end = 1; end < payload.length - 1; end++)
      expect(await inflated(payload.subarray(0, end))).toBe("HWS_INVALID_COMPRESSION");
  });

  test("decompresses no more than its reader asks for", async () => {
    const bomb = asBytes(payloadOf(Buffer.alloc(64 * 1024 * 1024)));
    let asked = 0;
    const parts = inflatePieces(() => Promise.resolve(asked++ === 0 ? bomb : undefined));
    const { value } = await parts.next();
    expect((value as Bytes).length).toBeLessThanOrEqual(64 * 1024);
    await parts.return();
    expect(asked).toBe(1);
    expect(await parts.next()).toEqual({ done: true, value: undefined });
  });
});

describe("compression piece by piece", () => {
  test("makes the payload of one message, whatever the pieces are", async () => {
    const kinds = [json(3000), noise(2000), asBytes(Buffer.alloc(100_000, "x")), asBytes(Buffer.alloc(0)), noise(1)];
    await assert(
      asyncProperty(array(constantFrom(...kinds), { maxLength: 8 }), async (pieces) => {
        const deflater = new PieceDeflater(DEFAULT_COMPRESSION);
        const payload: Buffer[] = [];
        for (const piece of pieces) payload.push(Buffer.from(await deflater.deflate(piece, false)));
        payload.push(Buffer.from(await deflater.deflate(json(100), true)));
        deflater.close();
        expect(readBack(Buffer.concat(payload))).toEqual(Buffer.concat([...pieces, json(100)]));
      }),
      { numRuns: 30 },
    );
  });

  test("may end with an empty piece: one empty block (RFC 7692 7.2.3.6)", async () => {
    const deflater = new PieceDeflater(DEFAULT_COMPRESSION);
    const first = Buffer.from(await deflater.deflate(json(1000), false));
    const last = await deflater.deflate(asBytes(Buffer.alloc(0)), true);
    expect(last).toEqual(Buffer.from([0]));
    expect(readBack(Buffer.concat([first, last]))).toEqual(json(1000));
  });

  test("uses what came before it in the message", async () => {
    const deflater = new PieceDeflater(DEFAULT_COMPRESSION);
    const piece = noise(1000);
    await deflater.deflate(piece, false);
    expect((await deflater.deflate(piece, true)).length).toBeLessThan(100);
  });

  test("settles when it is closed meanwhile", async () => {
    const deflater = new PieceDeflater(DEFAULT_COMPRESSION);
    const output = deflater.deflate(noise(60_000), true);
    deflater.close();
    await expect(output).resolves.toBeDefined();
  });
});
