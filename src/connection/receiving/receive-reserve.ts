import type { PayloadReserve } from "../../protocol/payload-reserve.ts";
import { receiveBudget } from "./receive-budget.ts";
import type { ReceivingSettings } from "./settings.ts";

/** The memory that large messages of one server may reserve before they have arrived: what is left of the receive budget. */
export class ReceiveReserve implements PayloadReserve {
  readonly #settings: Pick<ReceivingSettings, "maxTotalReceiveQueue" | "limitCounters">;

  constructor(settings: Pick<ReceivingSettings, "maxTotalReceiveQueue" | "limitCounters">) {
    this.#settings = settings;
  }

  take(bytes: number): boolean {
    if (receiveBudget.take(bytes, this.#settings.maxTotalReceiveQueue)) return true;
    this.#settings.limitCounters.maxTotalReceiveQueue++;
    return false;
  }

  giveBack(bytes: number): void {
    receiveBudget.giveBack(bytes);
  }
}
