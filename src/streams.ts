/**
 * The entry point `hawser/streams`: a connection as a stream of Node's or of the web platform.
 *
 * @module hawser/streams
 */

export type { AnyConnection } from "./adapters/read-hold.ts";
export { type StreamHandler, type StreamListener, streamHandler } from "./adapters/stream-handler.ts";
export {
  type WebStreamClose,
  type WebStreamHandler,
  type WebStreamListener,
  type WebStreamPair,
  webStreamHandler,
} from "./adapters/web-stream-handler.ts";
