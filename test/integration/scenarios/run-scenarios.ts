import { afterAll, beforeAll, test } from "vitest";
import type { Client } from "../clients/client.ts";
import { closing } from "./closing.ts";
import { control } from "./control.ts";
import { handshake } from "./handshake.ts";
import { load } from "./load.ts";
import { messages } from "./messages.ts";
import type { Scenario } from "./scenario.ts";
import { type Transport, useTransport } from "../../support/transport.ts";

const scenarios = { ...messages, ...control, ...closing, ...handshake, ...load };

/** The scenarios that a client cannot run, and the reason. */
export interface Skip {
  readonly reason: string;
  readonly tests: readonly (keyof typeof scenarios)[];
}

/** Which client runs the scenarios, and how it connects. */
interface How {
  readonly create: () => Promise<Client>;
  readonly skip?: readonly Skip[];
  readonly transport?: Transport;
}

/**
 * Makes a test of each scenario for one client.
 *
 * @param how - `create` starts the client, once for all; `skip` is shown with its reasons; `transport` is "plain" by default
 */
export function runScenarios({ create, skip = [], transport = "plain" }: How): void {
  let client: Client | undefined;
  beforeAll(async () => {
    useTransport(transport);
    client = await create();
  });
  afterAll(() => client?.end());

  for (const [name, run] of Object.entries<Scenario>(scenarios)) {
    const reason = skip.find(({ tests }) => (tests as readonly string[]).includes(name))?.reason;
    test(name, async (context) => {
      if (reason !== undefined) context.skip(reason);
      await run(client!);
    });
  }
}
