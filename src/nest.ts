/**
 * The entry point `hawser/nest`: an adapter for the gateways of NestJS.
 *
 * @module hawser/nest
 */

export { HawserAdapter, type HawserAdapterOptions, type HawserGatewayOptions } from "./adapters/nest/nest-adapter.ts";
export { HawserClient } from "./adapters/nest/nest-client.ts";
export type { Admit, ClientData } from "./adapters/nest/nest-server.ts";
export type {
  NestHost,
  NestLogger,
  NestMessageHandler,
  ObservableLike,
  ObserverLike,
  SubscriptionLike,
} from "./adapters/nest/nest-types.ts";
