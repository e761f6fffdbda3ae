import { once } from "node:events";
import { SignJWT } from "jose";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { SLOW, usePage } from "../support/page-project.ts";
import { Client, refusal, serve } from "./client.ts";

const SECRET = "a secret of the tests, 32 bytes long";

const project = usePage("docs/guides/authentication.md", ["jose"]);

/** A token of `ann`. */
function token({ secret = SECRET, expires = "1h", audience = "chat" } = {}): Promise<string> {
  const key = new TextEncoder().encode(secret);
  return new SignJWT({})
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("ann")
    .setAudience(audience)
    .setExpirationTime(expires)
    .sign(key);
}

const badTokens = (): Promise<string[]> =>
  Promise.all([
    token({ secret: "another secret, which is long enough" }),
    token({ expires: "-1h" }),
    token({ audience: "another" }),
    Promise.resolve("not.a.token"),
  ]);

/** Says hello, and expects the answer of ann's handler. */
async function expectAnn(client: Client): Promise<void> {
  client.send("hello");
  expect(await client.text()).toBe("ann: hello");
}

test(
  "a session's cookie is looked up, and a page of another site cannot use it",
  async () => {
    const { port } = await serve(project(), "cookie.js");
    const url = `ws://127.0.0.1:${String(port)}`;
    const cookie = "session=4f1c";
    await expectAnn(await Client.open(url, { headers: { cookie } }));
    await expectAnn(await Client.open(url, { headers: { cookie, origin: `http://127.0.0.1:${String(port)}` } }));
    expect(await refusal(url)).toBe(401);
    expect(await refusal(url, { headers: { cookie: "session=old" } })).toBe(401);
    expect(await refusal(url, { headers: { cookie, origin: "https://evil.example" } })).toBe(403);
  },
  SLOW,
);

test(
  "a JWT comes in a cookie or as a subprotocol, and the answer does not have it",
  async () => {
    const program = await serve(project(), "jwt.js", { JWT_SECRET: SECRET });
    const url = `ws://127.0.0.1:${String(program.port)}`;
    await expectAnn(await Client.open(url, { headers: { cookie: `token=${await token()}` } }));

    const socket = new WebSocket(url, ["app", `token.${await token()}`]);
    const [{ headers }] = (await once(socket, "upgrade")) as [{ headers: Record<string, string> }];
    expect(headers["sec-websocket-protocol"]).toBe("app");
    expect(JSON.stringify(headers)).not.toContain("token");
    socket.terminate();
    await expectAnn(await Client.open(url, { offers: ["app", `token.${await token()}`] }));

    expect(await refusal(url)).toBe(401);
    for (const bad of await badTokens()) {
      expect(await refusal(url, { headers: { cookie: `token=${bad}` } })).toBe(401);
      expect(await refusal(url, { offers: ["app", `token.${bad}`] })).toBe(401);
    }
    expect(program.output()).toBe("");
  },
  SLOW,
);

test(
  "a server without a secret does not start",
  async () => {
    const program = await project().begin("jwt.js", { JWT_SECRET: "" });
    expect(await program.ended).toBe(1);
    expect(program.output()).toContain("JWT_SECRET is not set");
  },
  SLOW,
);

test(
  "a token in the first message has a deadline, and the next message waits until it was checked",
  async () => {
    const { port } = await serve(project(), "first-message.js", { JWT_SECRET: SECRET });
    const url = `ws://127.0.0.1:${String(port)}`;
    const silent = await Client.open(url);
    const ann = await Client.open(url);
    ann.send(await token());
    ann.send("hello");
    expect(await ann.text()).toBe("welcome");
    expect(await ann.text()).toBe("ann: hello");
    for (const bad of await badTokens()) {
      const client = await Client.open(url);
      client.send(bad);
      client.send("hello");
      expect(await client.closed).toEqual({ code: 4401, reason: "not a token of ours" });
    }
    expect(await silent.closed).toEqual({ code: 4401, reason: "no token in time" });
    await expectAnn(ann);
  },
  SLOW,
);

test(
  "a client that must know why it may not connect is accepted, and closed with 4401",
  async () => {
    const { port } = await serve(project(), "told.js");
    const url = `ws://127.0.0.1:${String(port)}`;
    const stranger = await Client.open(url);
    expect(await stranger.closed).toEqual({ code: 4401, reason: "Sign in first." });
    await expectAnn(await Client.open(url, { headers: { cookie: "session=4f1c" } }));
  },
  SLOW,
);
