import { overHttp2 } from "./support/attack.ts";

overHttp2([
  {
    reason: "it writes a handshake of HTTP/1.1",
    tests: ["within its handshake gets 400", "while onConnection is pending is never accepted"],
  },
]);
await import("./endings.test.ts");
