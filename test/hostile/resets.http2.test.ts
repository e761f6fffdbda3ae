import { overHttp2 } from "./support/attack.ts";

overHttp2([
  {
    reason: "Node's session does not always notice a reset while it waits for the client to read: then pings do",
    tests: ["a connection that is reset 'while messages wait for it' leaves nothing"],
  },
  {
    reason: "it writes a handshake of HTTP/1.1",
    tests: [
      "a connection that is reset 'before it has sent anything' leaves nothing",
      "a connection that is reset 'within its handshake' leaves nothing",
      "a connection that is reset 'while onConnection is pending' leaves nothing",
    ],
  },
]);
await import("./resets.test.ts");
