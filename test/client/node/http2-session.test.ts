import { connect } from "node:http2";
import { PassThrough } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { hasChosenHttp2, sessionFrom } from "../../../src/client/node/http2-session.ts";

const target = { host: "localhost", port: 1, url: new URL("ws://localhost:1"), signal: new AbortController().signal };

test("only a TLS socket can have chosen HTTP/2", () => {
  const chosen = (alpnProtocol?: string): boolean =>
    hasChosenHttp2(Object.assign(new PassThrough(), alpnProtocol !== undefined && { alpnProtocol }));
  expect([chosen(), chosen("http/1.1"), chosen("h2")]).toEqual([false, false, true]);
});

test("the application's function is asked with the target, and may be async", async () => {
  const session = connect("http://127.0.0.1:1");
  session.on("error", () => {}); // nobody listens there
  onTestFinished(() => session.destroy());
  const asked: unknown[] = [];
  const provide = async (of: unknown): Promise<typeof session> => {
    asked.push(of);
    return session;
  };
  expect(await sessionFrom(provide, target)).toBe(session);
  expect(asked).toEqual([target]);
});

test("what it throws, or gives instead of a session, fails the dial and names the option", async () => {
  const failing = (): never => {
    throw new Error("no session");
  };
  await expect(sessionFrom(failing, target)).rejects.toThrow(/http2.*no session/);
  await expect(sessionFrom((() => ({})) as never, target)).rejects.toThrow("http2: expected a session");
});
