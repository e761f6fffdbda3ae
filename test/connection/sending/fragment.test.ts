import { array, assert, constantFrom, integer, property, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { FRAGMENT_SIZE, Fragment } from "../../../src/connection/sending/fragment.ts";
import { fill } from "../../support/bytes.ts";

/** All that comes out of the chunks, in fragments that are taken when they are full. */
function fragmentsOf(chunks: readonly unknown[]): { readonly opcode: number; readonly fragments: Buffer[] } {
  const fragment = new Fragment();
  const fragments: Buffer[] = [];
  for (const chunk of chunks)
    for (const part of fragment.parts(chunk)) {
      fragment.add(part);
      if (fragment.length === FRAGMENT_SIZE) fragments.push(Buffer.from(fragment.take()));
    }
  fragment.end();
  fragments.push(Buffer.from(fragment.take()));
  return { opcode: fragment.opcode, fragments };
}

describe("fragments", () => {
  test("are the bytes of the chunks, short ones joined and long ones cut", () => {
    const chunks = [fill(1, 10), fill(2, FRAGMENT_SIZE), fill(3, 2 * FRAGMENT_SIZE), fill(4, 1)];
    const { opcode, fragments } = fragmentsOf(chunks);
    expect(opcode).toBe(2);
    expect(fragments.map(({ length }) => length)).toEqual([FRAGMENT_SIZE, FRAGMENT_SIZE, FRAGMENT_SIZE, 11]);
    expect(Buffer.concat(fragments)).toEqual(Buffer.concat(chunks));
  });

  test("copy the bytes: the application may use its memory again", () => {
    const fragment = new Fragment();
    const chunk = fill(1, 3);
    for (const part of fragment.parts(chunk)) fragment.add(part);
    chunk.fill(9);
    expect([...fragment.take()]).toEqual([1, 1, 1]);
  });

  test("of strings are a text, wherever it is cut", () => {
    const unit = constantFrom("a", "é", "€", "\ud83d", "\ude00", "😀");
    assert(
      property(array(unit), array(integer({ min: 0, max: 50 })), string(), (units, cuts, rest) => {
        const text = units.join("") + rest;
        const at = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
        const chunks = at.slice(1).map((end, i) => text.slice(at[i], end));
        const { opcode, fragments } = fragmentsOf(chunks);
        expect(opcode).toBe(1);
        // What `Buffer.from` makes of a text, a socket sends too.
        expect(Buffer.concat(fragments).toString("hex")).toBe(Buffer.from(text).toString("hex"));
      }),
    );
  });

  test("of bytes may be any view, or an ArrayBuffer", () => {
    const bytes = Uint8Array.of(1, 2, 3, 4);
    const chunks = [bytes, bytes.buffer, new DataView(bytes.buffer, 1, 2), new Uint16Array(bytes.buffer)];
    expect(Buffer.concat(fragmentsOf(chunks).fragments).toString("hex")).toBe(
      "0102030401020304020301020304".slice(0, 28),
    );
  });

  test.each<[string, (memory: ArrayBuffer) => unknown]>([
    ["transferred", (memory) => structuredClone(memory, { transfer: [memory] })],
    ["shrunk", (memory) => (memory as unknown as { resize: (size: number) => unknown }).resize(10)],
  ])("fail if the memory of their chunk is %s before all of it was copied", (_what, change) => {
    const options = { maxByteLength: 2 * FRAGMENT_SIZE };
    const memory = Reflect.construct(ArrayBuffer, [2 * FRAGMENT_SIZE, options]) as ArrayBuffer;
    const fragment = new Fragment();
    const parts = fragment.parts(new Uint8Array(memory));
    fragment.add(parts.next().value as never);
    fragment.take();
    change(memory);
    expect(() => parts.next()).toThrow("memory");
  });

  test("without a chunk are binary", () => {
    expect(fragmentsOf([])).toEqual({ opcode: 2, fragments: [Buffer.alloc(0)] });
  });

  test.each([
    [["a", fill(1, 1)], "either strings or bytes"],
    [[fill(1, 1), "a"], "either strings or bytes"],
    [[{ a: 1 }], "got an object in it"],
    [[5], "got a number in it"],
    [[null], "got null in it"],
    [[new Blob(["a"])], "got an object in it"],
  ])("are refused for %j", (chunks, message) => {
    expect(() => fragmentsOf(chunks)).toThrow(message);
  });
});
