import { readFileSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { limitNames } from "../../src/server/limit-counters.ts";
import { numberOptions } from "../../src/server/number-options.ts";

/** The rows of all tables of docs/limits.md whose first cell is an option. */
const rows = [...readFileSync("docs/limits.md", "utf8").matchAll(/^\| `(\w+)` +\| ([^|]+?) +\|/gm)].map(
  ([, name = "", usual = ""]) => [name, usual] as const,
);

test("docs/limits.md has a row for each limit that has a counter, and for no other", () => {
  expect(
    rows
      .map(([name]) => name)
      .filter((name) => /^(max|\w+Timeout|\w+Lifetime)/.test(name))
      .sort(),
  ).toEqual([...limitNames].sort());
});

test.each(rows.filter(([name, usual]) => name in numberOptions && /^[\d,]+$|^Infinity$/.test(usual)))(
  "docs/limits.md says what the default of %s is: %s",
  (name, usual) => {
    expect(numberOptions[name as keyof typeof numberOptions].default).toBe(Number(usual.replaceAll(",", "")));
  },
);

test("docs/limits.md names every option that is a number", () => {
  const page = readFileSync("docs/limits.md", "utf8");
  expect(Object.keys(numberOptions).filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test("docs/limits.md names every limit that an adapter has of its own", () => {
  const page = readFileSync("docs/limits.md", "utf8");
  const files = readdirSync("src/adapters", { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  const limits = files.flatMap((file) =>
    [...readFileSync(`src/adapters/${file}`, "utf8").matchAll(/^ {2}readonly (max\w+|\w+Timeout)\?: number/gm)].map(
      ([, name = ""]) => name,
    ),
  );
  expect(limits).toContain("maxObservablesPerConnection");
  expect(limits.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
