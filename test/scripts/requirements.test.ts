import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Requirement, advice, requirements } from "../../scripts/requirements.ts";

const all = Object.values<Requirement>(requirements);

describe("the programs that tests need", () => {
  test.each(all)("$name can be installed, from Debian or from npm", ({ packages = [], npm }) => {
    expect(packages.length > 0).toBe(npm === undefined);
  });

  test("an npm package has a version, and a folder of its own in the cache", () => {
    const packages = all.flatMap(({ npm }) => npm ?? []);
    for (const { spec } of packages) expect(spec).toMatch(/@\d+\.\d+\.\d+$/);
    for (const { prefix } of packages) expect(prefix).toMatch(/node_modules\/\.cache\/runtimes\/[\w.-]+$/);
  });

  test("the pages name the versions of Bun and Deno that the tests run", () => {
    const versionOf = ({ npm }: Requirement): string => npm?.spec.split("@").at(-1) ?? "none";
    const tested = `Bun ${versionOf(requirements.bun)} and Deno ${versionOf(requirements.deno)}`;
    for (const page of ["README.md", "docs/reference.md"]) expect(readFileSync(page, "utf8")).toContain(tested);
  });

  test("the advice names the packages", () => {
    const none = { name: "it", find: () => undefined };
    expect(advice({ ...none, packages: ["a", "b"] })).toBe("Debian: a b");
    expect(advice({ ...none, npm: { spec: "@c/d@1.0.0", prefix: "/" } })).toBe("npm: @c/d@1.0.0");
  });
});
