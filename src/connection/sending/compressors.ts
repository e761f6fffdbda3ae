import { DeflatePool } from "../../compression/deflate-pool.ts";
import type { DeflateAgreement } from "../../compression/negotiation.ts";
import type { CompressionSettings } from "../../compression/settings.ts";
import { sharedDeflater } from "../../compression/shared-deflaters.ts";
import { MessageCompressor } from "./message-compressor.ts";

/** What the connections of one server have in common. */
class ServerCompressors {
  /** For connections without a history, by the size of the agreed window. */
  readonly #alone = new Map<number, MessageCompressor>();
  #pool: DeflatePool | undefined;

  for(settings: CompressionSettings, agreement: DeflateAgreement): MessageCompressor {
    const windowBits = Math.min(settings.windowBits, agreement.serverMaxWindowBits);
    const agreed = windowBits === settings.windowBits ? settings : { ...settings, windowBits };
    if (settings.pool > 0 && !agreement.serverNoContextTakeover) {
      this.#pool ??= new DeflatePool(settings.pool, settings);
      return new MessageCompressor(agreed, sharedDeflater(agreed), this.#pool);
    }
    let known = this.#alone.get(windowBits);
    if (known === undefined)
      this.#alone.set(windowBits, (known = new MessageCompressor(agreed, sharedDeflater(agreed))));
    return known;
  }
}

const servers = new WeakMap<CompressionSettings, ServerCompressors>();

/** How a connection compresses, by its server's settings and what was agreed in its handshake. */
export function compressorFor(settings: CompressionSettings, agreement: DeflateAgreement): MessageCompressor {
  let known = servers.get(settings);
  if (known === undefined) servers.set(settings, (known = new ServerCompressors()));
  return known.for(settings, agreement);
}
