import { expect, test } from "vitest";
import { RefusedError } from "../../src/testing/refused-error.ts";

test("it says what the server answered", () => {
  const error = new RefusedError(401, new Headers({ "www-authenticate": "Basic" }), "Sign in first.");
  expect(error).toMatchObject({ name: "RefusedError", code: "HWS_REFUSED", status: 401, body: "Sign in first." });
  expect(error.message).toBe("The server refused the handshake: 401 Sign in first.");
  expect(error.headers.get("www-authenticate")).toBe("Basic");
});
