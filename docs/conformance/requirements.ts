import { clientModel, connectionModel, handlerModel, pageModel } from "./4d-connection.ts";
import { serverModel } from "./4d-server.ts";
import type { Section } from "./requirement.ts";
import { clientHandshake } from "./rfc6455-4-client.ts";
import { serverHandshake } from "./rfc6455-4-server.ts";
import { framing } from "./rfc6455-5.ts";
import { compression } from "./rfc7692.ts";
import { http2 } from "./rfc8441.ts";
import { closing, data, referred } from "./rfc6455-6-7.ts";

/** All requirements, in the order of `docs/conformance.md`. */
export const requirements: readonly Section[] = [
  ...clientHandshake,
  ...serverHandshake,
  ...framing,
  ...data,
  ...closing,
  ...referred,
  ...compression,
  ...http2,
  ...serverModel,
  ...handlerModel,
  ...connectionModel,
  ...pageModel,
  ...clientModel,
];
