import { describe, expect, test } from "vitest";
import { MIN_TARGET, RESERVE_FROM, RESERVE_GROWTH } from "../../src/protocol/limits.ts";
import { MessageBuffer } from "../../src/protocol/message-buffer.ts";
import { keepSpareMemory, takeSpareMemory } from "../../src/protocol/spare-memory.ts";
import { fill, toHex } from "../support/bytes.ts";
import { CountingReserve } from "../support/counting-reserve.ts";

const MIB = 1024 * 1024;
const READ = 65_536;

describe("the rest of a frame", () => {
  test("is reserved at once, and what is missing is charged until it arrives", () => {
    const reserve = new CountingReserve();
    const gather = new MessageBuffer(false, { reserve });
    gather.append(fill(1, READ), 0, READ, MIB - READ);
    const memory = gather.bytes;
    expect(memory).toHaveLength(MIB);
    expect(reserve.taken).toBe(MIB - READ);
    for (let left = MIB - 2 * READ; left >= 0; left -= READ) {
      gather.append(fill(2, READ), 0, READ, left);
      expect(reserve.taken).toBe(left);
    }
    expect(gather.bytes).toBe(memory);
    expect(reserve.asked).toEqual([MIB - READ]);
  });

  test.each([1, 40, RESERVE_FROM - 1])("is not asked for when only %i bytes have arrived", (size) => {
    const reserve = new CountingReserve();
    const gather = new MessageBuffer(false, { reserve });
    gather.append(fill(1, size), 0, size, MIB);
    expect(gather.bytes).toHaveLength(READ);
    expect(reserve.asked).toEqual([]);
  });

  test("is not asked for if it needs no more than four times what has arrived", () => {
    const reserve = new CountingReserve();
    const gather = new MessageBuffer(false, { reserve });
    gather.append(fill(1, READ), 0, READ, 3 * READ);
    expect(gather.bytes).toHaveLength(4 * READ);
    expect(reserve.asked).toEqual([]);
  });

  test("grows with what has arrived if the reserve refuses", () => {
    const reserve = new CountingReserve(MIB / 2);
    const gather = new MessageBuffer(false, { reserve });
    gather.append(fill(1, READ), 0, READ, MIB - READ);
    expect(gather.bytes).toHaveLength(4 * READ);
    expect([reserve.asked, reserve.taken]).toEqual([[MIB - READ], 0]);
    for (let left = MIB - 2 * READ; left >= 0; left -= READ) gather.append(fill(2, READ), 0, READ, left);
    expect(gather.bytes).toHaveLength(MIB);
    expect(reserve.taken).toBe(0);
  });

  test("is at most a bounded number of times what has arrived, also when the reserve has more", () => {
    const reserve = new CountingReserve();
    const gather = new MessageBuffer(false, { reserve });
    const known = 2 * RESERVE_FROM * RESERVE_GROWTH;
    gather.append(fill(1, RESERVE_FROM), 0, RESERVE_FROM, known);
    expect(gather.bytes).toHaveLength(RESERVE_FROM * RESERVE_GROWTH);
    expect(reserve.taken).toBe(RESERVE_FROM * (RESERVE_GROWTH - 1));
    gather.release();
    expect(reserve.taken).toBe(0);
  });

  test("is charged for each fragment apart", () => {
    const reserve = new CountingReserve();
    const gather = new MessageBuffer(true, { reserve });
    for (let fragment = 0; fragment < 3; fragment++) {
      for (let left = MIB - READ; left >= 0; left -= READ) {
        gather.append(fill(fragment, READ), 0, READ, left);
        expect(reserve.taken).toBeLessThanOrEqual(left);
      }
      expect(reserve.taken).toBe(0);
    }
    expect(gather).toHaveLength(3 * MIB);
  });

  test("is given back when it is not expected any more, once", () => {
    const reserve = new CountingReserve();
    const gather = new MessageBuffer(false, { reserve });
    gather.append(fill(1, READ), 0, READ, MIB - READ);
    gather.release();
    gather.release();
    expect(reserve.taken).toBe(0);
  });
});

describe("a target", () => {
  test("is the place of the next bytes: nothing is copied", () => {
    const gather = new MessageBuffer(false);
    gather.append(fill(1, READ), 0, READ, 2 * READ);
    const target = gather.target(2 * READ)!;
    expect(target).toHaveLength(2 * READ);
    expect(target.buffer).toBe(gather.bytes.buffer);
    target.fill(2, 0, 100);
    gather.append(target, 0, 100, 2 * READ - 100);
    expect(gather).toHaveLength(READ + 100);
    expect(toHex(gather.bytes.subarray(READ - 2, READ + 2))).toBe("01010202");
    expect(gather.target(2 * READ - 100)!.byteOffset).toBe(target.byteOffset + 100);
  });

  test("is unmasked where it is", () => {
    const gather = new MessageBuffer(false);
    gather.append(fill(1, READ), 0, READ, READ);
    const target = gather.target(READ)!;
    target.fill(0xff);
    gather.appendMasked(target, 0, READ, 0, 0x04030201);
    expect(toHex(gather.bytes.subarray(READ - 1, READ + 5))).toBe("01fefdfcfbfe");
  });

  test("never has space for more than the rest of the frame, whatever memory there is", () => {
    const gather = new MessageBuffer(true);
    gather.append(fill(1, READ), 0, READ, 3 * READ);
    expect(gather.target(MIN_TARGET)).toHaveLength(MIN_TARGET);
    expect(gather.target(MIN_TARGET - 1)).toBeUndefined();
    expect(gather.target(0)).toBeUndefined();
  });

  test("is never longer than the memory that is reserved", () => {
    const gather = new MessageBuffer(false);
    gather.append(fill(1, READ), 0, READ, MIB);
    expect(gather.target(MIB)).toHaveLength(3 * READ);
    expect(new MessageBuffer(false).target(MIB)).toBeUndefined();
  });

  test("that another chunk came before is no target any more", () => {
    const gather = new MessageBuffer(false);
    gather.append(fill(1, READ), 0, READ, 2 * READ);
    const target = gather.target(2 * READ)!;
    gather.append(fill(2, 10), 0, 10, 2 * READ - 10);
    gather.append(target.fill(3), 0, 10, 2 * READ - 20);
    expect(gather).toHaveLength(READ + 20);
    expect(toHex(gather.bytes.subarray(READ + 10, READ + 20))).toBe("03".repeat(10));
  });
});

describe("memory that nobody keeps", () => {
  function gathered(reusable: boolean): MessageBuffer {
    const gather = new MessageBuffer(false, { reusable });
    gather.append(fill(1, READ), 0, READ, 3 * READ);
    gather.append(fill(2, 3 * READ), 0, 3 * READ, 0);
    return gather;
  }

  test("is used again for the next message", () => {
    const first = gathered(true);
    const { buffer } = first.bytes;
    first.reuse();
    const second = gathered(true);
    expect(second.bytes.buffer).toBe(buffer);
    expect(toHex(second.bytes.subarray(READ - 1, READ + 1))).toBe("0102");
    second.reuse();
    expect(takeSpareMemory(4 * READ).buffer).toBe(buffer);
  });

  test("is not that of other messages", () => {
    const first = gathered(false);
    const { buffer } = first.bytes;
    first.reuse();
    expect(gathered(true).bytes.buffer).not.toBe(buffer);
  });

  test("is at most a quarter more than what may be reserved now, however much was used before", () => {
    keepSpareMemory(takeSpareMemory(MIB));
    const gather = new MessageBuffer(false, { reusable: true, maxLength: MIB });
    gather.append(fill(1, 1), 0, 1, 99_999);
    expect(gather.bytes.length).toBeLessThanOrEqual(1.25 * READ);
    gather.append(fill(1, 2 * READ), 0, 2 * READ, MIB - 2 * READ - 1);
    expect(gather.bytes.length).toBeLessThanOrEqual(1.25 * 4 * (2 * READ + 1));
  });
});
