import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { programsOf } from "../support/page-project.ts";

const programs = programsOf("docs/guides/libraries.md");

// `npm test --prefix frameworks` runs them, with the real libraries.
test("the page shows the programs that are tested with the libraries", () => {
  const names = ["graphql-ws", "trpc", "yjs", "hocuspocus", "aedes", "vscode-jsonrpc", "from-ws"];
  expect([...programs.keys()]).toEqual(names.map((name) => `${name}.ts`));
  for (const [name, code] of programs) {
    expect(code, name).toBe(readFileSync(`frameworks/src/${name}`, "utf8"));
    const base = name.replace(".ts", "");
    expect(readFileSync(`frameworks/test/${base}.test.ts`, "utf8")).toContain(`start("${base}.js"`);
  }
});

test("and names the members and differences of sockets of ws", () => {
  const page = readFileSync("docs/guides/libraries.md", "utf8");
  for (const name of ["WsSocket", "WsServer"]) {
    const api = readFileSync(`docs/api/hawser/ws/classes/${name}.md`, "utf8");
    const methods = [...api.matchAll(/^### (\w+)\(\)/gm)].map(([, method = ""]) => method);
    expect(methods.length, name).toBeGreaterThan(2);
    for (const method of methods.filter((one) => !/^(on[A-Z]|addListener)/.test(one)))
      expect(page, method).toContain(method);
  }
});
