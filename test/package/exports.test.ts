import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

/** The public API: what each entry of the exports map gives at run time. A name is never removed in passing. */
const ENTRIES: Record<string, readonly string[]> = {
  ".": [
    "HawserError",
    "InvalidArgumentError",
    "OutOfRangeError",
    "ProtocolError",
    "WebSocketConnection",
    "WebSocketServer",
    "refuse",
  ],
};

interface Manifest {
  readonly exports: Record<string, string | { readonly types: string; readonly default: string }>;
  readonly dependencies?: Record<string, string>;
}

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as Manifest;

test("the exports map has the pinned entries, and the manifest", () => {
  expect(Object.keys(manifest.exports).sort()).toEqual([...Object.keys(ENTRIES), "./package.json"].sort());
  expect(manifest.exports["./package.json"]).toBe("./package.json");
});

test("the package has no runtime dependency", () => {
  expect(manifest.dependencies ?? {}).toEqual({});
});

describe.each(Object.entries(ENTRIES))("the entry %s", (entry, names) => {
  const name = entry === "." ? "hawser" : entry.slice(2);

  test("points at one file in dist and at its declarations", () => {
    expect(manifest.exports[entry]).toEqual({ types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` });
  });

  test("gives exactly the pinned names", async () => {
    const module = (await import(new URL(`../../src/${name}.ts`, import.meta.url).href)) as object;
    expect(Object.keys(module).sort()).toEqual([...names].sort());
  });
});
