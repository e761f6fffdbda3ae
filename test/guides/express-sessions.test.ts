import { expect, test } from "vitest";
import { SLOW, usePage } from "../support/page-project.ts";
import { Client, refusal, serve } from "./client.ts";

const project = usePage("docs/guides/express-sessions.md", [
  "express",
  "@types/express",
  "express-session",
  "@types/express-session",
  "passport",
  "@types/passport",
  "passport-local",
  "@types/passport-local",
]);

test(
  "a login by HTTP with Passport opens WebSockets with its cookie, until the logout closes them",
  async () => {
    const { port } = await serve(project(), "express.js");
    const http = `http://127.0.0.1:${String(port)}`;
    const url = `ws://127.0.0.1:${String(port)}/live`;
    const login = async (username: string, password: string): Promise<Response> =>
      fetch(`${http}/login`, { method: "POST", body: new URLSearchParams({ username, password }) });
    const cookieOf = (response: Response): string => String(response.headers.getSetCookie()[0]).split(";", 1)[0] ?? "";

    expect((await login("ann", "wrong")).status).toBe(401);
    expect(await refusal(url)).toBe(401);
    expect(await refusal(url, { headers: { cookie: "connect.sid=s%3Aforged.signature" } })).toBe(401);

    const cookie = cookieOf(await login("ann", "secret"));
    const phone = cookieOf(await login("ann", "secret"));
    const one = await Client.open(url, { headers: { cookie } });
    const other = await Client.open(url, { headers: { cookie } });
    const onPhone = await Client.open(url, { headers: { cookie: phone } });
    for (const client of [one, other, onPhone]) {
      client.send("hello");
      expect(await client.text()).toBe("ann: hello");
    }
    expect(await refusal(url, { headers: { cookie, origin: "https://evil.example" } })).toBe(403);

    expect((await fetch(`${http}/logout`, { method: "POST", headers: { cookie } })).status).toBe(200);
    for (const { closed } of [one, other]) expect(await closed).toEqual({ code: 4401, reason: "signed out" });
    expect(await refusal(url, { headers: { cookie } })).toBe(401);
    onPhone.send("again");
    expect(await onPhone.text()).toBe("ann: again");
  },
  SLOW,
);
