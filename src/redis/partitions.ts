/** Topics are divided into this many partitions: all keys and channels of one partition are on one server of a cluster. */
export const PARTITIONS = 256;

/** The slots of a Redis cluster. */
const SLOTS = 16_384;

const SLOTS_OF_PARTITION = SLOTS / PARTITIONS;

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x80_00) === 0 ? crc << 1 : (crc << 1) ^ 0x10_21;
  return crc;
});

/** The CRC16 that Redis uses (XMODEM). */
export function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = ((crc << 8) ^ Number(TABLE[(crc >> 8) ^ byte])) & 0xff_ff;
  return crc;
}

/** The hash tag of each partition: the first of 0, 1, 2, … in base 36 whose slot is one of the 64 of the partition. So all have as many slots. */
export const TAGS: readonly string[] = findTags();

/** The partition with the tag "0": it has what belongs to no topic. */
export const COMMON = Math.floor(slotOf("0") / SLOTS_OF_PARTITION);

/** The partition of a topic. */
export function partitionOf(topic: string): number {
  return crc16(Buffer.from(topic)) % PARTITIONS;
}

/** The slot of a hash tag. */
export function slotOf(tag: string): number {
  return crc16(Buffer.from(tag)) % SLOTS;
}

function findTags(): string[] {
  const tags: string[] = [];
  for (let found = 0, number = 0; found < PARTITIONS; number++) {
    const tag = number.toString(36);
    const partition = Math.floor(slotOf(tag) / SLOTS_OF_PARTITION);
    if (tags[partition] !== undefined) continue;
    tags[partition] = tag;
    found++;
  }
  return tags;
}
