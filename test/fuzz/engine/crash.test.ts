import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Crash, readCrash, signatureOf, writeCrash } from "../../../fuzz/engine/crash.ts";
import { InvariantError } from "../../../fuzz/engine/target.ts";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "hawser-fuzz-"));
  onTestFinished(() => {
    rmSync(made, { recursive: true });
  });
  return made;
}

const crash: Crash = {
  target: "toy",
  signature: "s",
  message: "m",
  stack: "a\nb",
  seed: 7,
  input: Buffer.from([0, 255]),
};

describe("a crash", () => {
  test("is written with its seed, and with the command that replays it", () => {
    const file = writeCrash(join(folder(), "crashes"), crash);
    const written = JSON.parse(readFileSync(file, "utf8")) as object;
    expect(written).toMatchObject({
      target: "toy",
      seed: 7,
      input: "00ff",
      replay: `npm run fuzz -- --replay ${file}`,
    });
    expect(readCrash(file)).toEqual({ target: "toy", input: crash.input });
  });

  test("has the same file for the same input, and another for another", () => {
    const here = folder();
    const files = [crash, crash, { ...crash, input: Buffer.from("x") }].map((one) => basename(writeCrash(here, one)));
    expect(files[0]).toBe(files[1]);
    expect(files[0]).not.toBe(files[2]);
  });

  test("is not read from a file of another format", () => {
    const file = join(import.meta.dirname, "../../../package.json");
    expect(() => readCrash(file)).toThrow(/is not a crash of this fuzzer/);
  });
});

describe("the signature", () => {
  test("of a broken invariant is the invariant, whatever was found instead", () => {
    expect(signatureOf(new InvariantError("one response", { status: 400 }))).toBe("one response");
  });

  test("of an error leaves out what differs from input to input", () => {
    const errors = [3, 4].map((length) => signatureOf(new RangeError(`length ${length} of "x${length}"`)));
    expect(errors[0]).toBe(errors[1]);
    expect(errors[0]).toMatch(/^RangeError: length … of …/);
  });

  test("of an error names the file of the library that threw it", () => {
    const error = new TypeError("bad");
    error.stack =
      "TypeError: bad\n    at read (file:///home/x/src/protocol/frame-reader.ts:10:3)\n    at test (file:///home/x/test/y.ts:1:1)";
    expect(signatureOf(error)).toBe("TypeError: bad at read (src/protocol/frame-reader.ts)");
  });
});
