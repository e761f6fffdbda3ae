import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { type TransportSkip, onTransport } from "../support/transport.ts";

// What is shown of open connections, and of the answer to a handshake, is shown over HTTP/2 too.

/** The tests of a file that make no sense over HTTP/2, or why none of the file does. */
const files: Readonly<Record<string, readonly TransportSkip[] | { readonly reason: string }>> = {
  client: {
    reason: "it is about what our client sends and accepts over HTTP/1.1; 8441-5-5 and 8441-5-6 are both ends'",
  },
  closing: [],
  compression: [],
  frames: [],
  "handshake-answer": [
    {
      reason: "426 is about Upgrade: over HTTP/2 another version gets 400 with the version that is understood",
      tests: ["8", "25", "255"].map((version) => `version ${version} gets 426 and the version that is understood`),
    },
  ],
  "handshake-request": {
    reason:
      "these are rules of a request of HTTP/1.1; the fuzz target `http2` compares both, and 8441-4-1 to 8441-5-4 are HTTP/2's",
  },
  tls: { reason: "it is about the tunnel; HTTP/2 on our port has TLS in any case" },
};

test("each file of this folder runs over HTTP/2, or says why not", () => {
  const names = readdirSync(new URL(".", import.meta.url)).flatMap(
    (name) => /^(?!http2)(.+)\.test\.ts$/.exec(name)?.[1] ?? [],
  );
  expect(names.sort()).toEqual(Object.keys(files).sort());
});

for (const [name, how] of Object.entries(files))
  if (!("reason" in how)) onTransport("h2", () => import(`./${name}.test.ts`), how, name);
