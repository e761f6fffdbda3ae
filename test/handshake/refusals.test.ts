import { expect, test } from "vitest";
import { refuse } from "../../src/handshake/refusal.ts";
import * as refusals from "../../src/handshake/refusals.ts";

const { badRequest, ...constants } = refusals;

test.each(Object.entries(constants))(
  "%s is a response that refuse could make too",
  (_name, { status, body, headers }) => {
    expect(body).toMatch(/^[A-Z][^\n]*\.$/);
    if (status !== 426) expect(refuse(status, body, headers)).toMatchObject({ status, body, headers });
  },
);

test("a bad request gives its reason", () => {
  expect(badRequest("Why.")).toMatchObject({ status: 400, body: "Why.", headers: {} });
});

test("none of them has the reason of the application's own refusals", () => {
  for (const { reason } of [...Object.values(constants), badRequest("Why.")]) expect(reason).not.toBe("handler");
  expect(refuse(403).reason).toBe("handler");
});
