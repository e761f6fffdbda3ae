import { createHash } from "node:crypto";

/** A script that runs on the server, as one act. */
export interface Script {
  /** Lua. */
  readonly source: string;
  /** Its name on the server. */
  readonly sha: string;
}

function script(source: string): Script {
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}

/**
 * Lua that says how many entries of a stream are its newest `count` messages with the markers between and after them. The meta has the
 * numbers of the newest markers, the newest first.
 */
const KEPT = `
local function kept(count, top, forks)
  for fork in string.gmatch(forks, '%d+') do
    if tonumber(fork) <= top - count then break end
    count = count + 1
  end
  return count
end
`;

/**
 * Lua that calls `each` for the entries of a stream after a number, the oldest first, until it returns true or there are no more. It has the
 * bytes of all entries up to this one. One command reads as many entries as have about the bytes that are left of `limit`, or of a further
 * `limit`, but not more than 32, and not more than twice as many as the one before: the next entries may be much longer than those before.
 */
const WALK = `
local function walk(key, after, limit, each)
  local count, read, bytes = 1, 0, 0
  while true do
    local page = redis.call('XRANGE', key, '(' .. string.format('%.0f', after) .. '-0', '+', 'COUNT', count)
    for _, e in ipairs(page) do
      after, read, bytes = tonumber(string.match(e[1], '^%d+')), read + 1, bytes + #e[2][2]
      if each(e, bytes) then return end
    end
    if #page < count then return end
    count = math.max(1, math.min(32, 2 * count, math.floor((limit - bytes % limit) * read / bytes)))
  end
end
`;

/**
 * Stores records of one topic, and publishes them. If the key with the epoch is gone, the messages are void.
 *
 * A network may deliver an earlier try after the later one, when its connection has long ended. So a later try notes the number of its
 * link, and a call of an earlier link stores nothing.
 *
 * A failover may lose the newest messages, and their numbers are given again. If another message has the number of the one before the
 * earlier try, that try may have a lower number: it is uncertain.
 *
 * A marker of lost messages comes alone. Its number goes into the meta.
 *
 * Keys: stream, meta, where the link of a later try is noted, and the key of an id of the application if there is one. Arguments: size,
 * ttl, ttl of meta, epoch for a new topic, channel, command that publishes, ttl of the id, epoch, number and id of the newest message
 * before an earlier try (empty: there was none), ttl of the link, number of the link, records. Returns the epoch, the number of the first
 * record, and 0: stored, by this try or an earlier one, 1: another message with the id of the application was stored before, 2: uncertain.
 */
const append = script(`${KEPT}${WALK}
if KEYS[4] then
  local known = redis.call('GET', KEYS[4])
  if known then
    local isOwn = string.sub(known, 7, 18) == string.sub(ARGV[13], 3, 14)
    return { string.sub(known, 1, 6), string.sub(known, 19), isOwn and 0 or 1 }
  end
end
local m = redis.call('HMGET', KEYS[2], 'e', 's', 't', 'f')
local link = redis.call('GET', KEYS[3])
if link and tonumber(link) > tonumber(ARGV[12]) then return { m[1] or ARGV[4], '0', 2 } end
local epoch, top, tail = m[1], tonumber(m[2] or '0'), m[3]
if not epoch then
  if ARGV[8] ~= '' then return { ARGV[8], '0', 2 } end
  epoch, top, tail = ARGV[4], 0, string.rep('\\0', 12)
  redis.call('DEL', KEYS[1])
end
if ARGV[8] ~= '' then
  local base = tonumber(ARGV[9])
  if ARGV[8] ~= epoch or base > top then return { epoch, '0', 2 } end
  local id, before, since, known = string.sub(ARGV[13], 3, 14), nil, 0, nil
  walk(KEYS[1], base, 1048576, function(e)
    before, since = before or e[2][4], since + 1
    if string.sub(e[2][2], 3, 14) == id then known = string.match(e[1], '^%d+') end
    return known
  end)
  if known then return { epoch, known, 0 } end
  if since < top - base or (before or tail) ~= ARGV[10] then return { epoch, '0', 2 } end
  redis.call('SET', KEYS[3], ARGV[12], 'PX', ARGV[11])
end
local first, out = string.format('%.0f', top + 1), { '\\18', epoch, struct.pack('>I6', top + 1), tail }
local forks = m[4] or ''
if string.byte(ARGV[13]) % 16 == 1 then
  forks = string.sub(first .. ' ' .. forks, 1, 200)
  redis.call('HSET', KEYS[2], 'f', forks)
end
local size = kept(tonumber(ARGV[1]), top + #ARGV - 12, forks)
for i = 13, #ARGV do
  top = top + 1
  redis.call('XADD', KEYS[1], 'MAXLEN', size, string.format('%.0f-0', top), 'r', ARGV[i], 'p', tail)
  tail = string.sub(ARGV[i], 3, 14)
  out[#out + 1] = struct.pack('>I4', #ARGV[i])
  out[#out + 1] = ARGV[i]
end
redis.call('HSET', KEYS[2], 'e', epoch, 's', string.format('%.0f', top), 't', tail, 'x', ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if KEYS[4] then redis.call('SET', KEYS[4], epoch .. tail .. first, 'PX', ARGV[7]) end
redis.call(ARGV[6], ARGV[5], table.concat(out))
return { epoch, first, 0 }
`);

/**
 * A page of a topic. An empty topic gets an epoch. It renews the time for which the position of the topic is known, not that of its
 * messages: so a quiet topic that somebody listens to keeps its epoch, and its messages expire in time. A server that refuses to write
 * (`MISCONF`, `NOREPLICAS`, `OOM`) can still be read, if the topic is known: it cannot give another one an epoch.
 *
 * Keys: stream, meta. Arguments: after, ttl of meta, epoch for a new topic, bytes of a page. Returns the epoch, the number and the id
 * of the newest message, the numbers of the newest markers, and the number, the id before and the record of each message.
 */
const read = script(`${KEPT}${WALK}
local m = redis.call('HMGET', KEYS[2], 'e', 's', 't', 'x', 'f')
local epoch, top, tail = m[1], tonumber(m[2] or '0'), m[3]
if not epoch then
  epoch, top, tail = ARGV[3], 0, string.rep('\\0', 12)
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[2], 'e', epoch, 's', '0', 't', tail)
end
if m[4] ~= ARGV[2] then redis.pcall('HSET', KEYS[2], 'x', ARGV[2]) end
redis.pcall('PEXPIRE', KEYS[2], ARGV[2])
local after, limit, forks = tonumber(ARGV[1]), tonumber(ARGV[4]), m[5] or ''
if after < 0 then after = math.max(0, top - kept(-after, top, forks)) end
local out = { epoch, string.format('%.0f', top), tail, forks }
walk(KEYS[1], after, limit, function(e, bytes)
  out[#out + 1], out[#out + 2], out[#out + 3] = string.match(e[1], '^%d+'), e[2][4], e[2][2]
  return bytes >= limit
end)
return out
`);

/**
 * The newest messages of topics. It renews the time for which their positions are known, as \`read\` does: who listens to a topic asks
 * from time to time.
 *
 * Keys: the metas. Returns three texts for each: epoch, number, id; empty for a topic that is not known. A key of another type has "-":
 * it must not keep the others from being told.
 */
const tops = script(`
local out = {}
for _, key in ipairs(KEYS) do
  local m = redis.pcall('HMGET', key, 'e', 's', 't', 'x')
  if m.err then m = { '-', '-' } end
  if m[1] and m[4] then redis.pcall('PEXPIRE', key, m[4]) end
  out[#out + 1], out[#out + 2], out[#out + 3] = m[1] or '', m[2] or '', m[3] or ''
end
return out
`);

/** Lua that publishes a record of a member: the head of the record, the id and the data as JSON, and how many connections there are. */
const TELL = `
local function tell(command, channel, head, id, data, count)
  local text = data == '' and '' or '"data":' .. data .. ','
  local record = head .. '{"id":' .. id .. ',' .. text .. '"connections":' .. string.format('%.0f', count) .. '}'
  redis.call(command, channel, '\\17' .. struct.pack('>I4', #record) .. record)
end
`;

/**
 * Lists a member. A row is: 8 characters for the life of the connection to Redis that has written it, a number that grows, a line
 * feed, the id as JSON, a line feed, the data as JSON. A node that was given up lists its members again: the row gets other 8
 * characters, and whoever is removing the rows of this node leaves it.
 *
 * Keys: rows, counts, topics of the node. Arguments: field, 8 characters, id, data, topic, channel, command that publishes, head of
 * the record (empty: nobody is told).
 */
const join = script(`${TELL}
redis.call('SADD', KEYS[3], ARGV[5])
local row = redis.call('HGET', KEYS[1], ARGV[1])
if row then
  if string.sub(row, 1, 8) ~= ARGV[2] then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. string.sub(row, 9)) end
  return 0
end
local number = string.format('%.0f', redis.call('HINCRBY', KEYS[2], 's', 1))
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. number .. '\\n' .. ARGV[3] .. '\\n' .. ARGV[4])
redis.call('HINCRBY', KEYS[2], 'c' .. string.sub(ARGV[1], 1, 8), 1)
local count = redis.call('HINCRBY', KEYS[2], 'i' .. ARGV[3], 1)
if count == 1 and ARGV[8] ~= '' then tell(ARGV[7], ARGV[6], ARGV[8], ARGV[3], ARGV[4], 1) end
return count
`);

/**
 * Removes a member. A server that is full refuses the first change, so nothing is done by half.
 *
 * Keys: as of \`join\`. Arguments: field, the 8 characters that the row must have (empty: any), topic, channel, command that publishes,
 * head of the record.
 */
const leave = script(`${TELL}
local row = redis.call('HGET', KEYS[1], ARGV[1])
if not row or (ARGV[2] ~= '' and string.sub(row, 1, 8) ~= ARGV[2]) then return 0 end
local node = 'c' .. string.sub(ARGV[1], 1, 8)
local left = redis.call('HINCRBY', KEYS[2], node, -1)
redis.call('HDEL', KEYS[1], ARGV[1])
if left <= 0 then
  redis.call('HDEL', KEYS[2], node)
  redis.call('SREM', KEYS[3], ARGV[3])
end
local id, data = string.match(row, '^[^\\n]*\\n([^\\n]*)\\n(.*)$')
if redis.call('HINCRBY', KEYS[2], 'i' .. id, -1) <= 0 then
  redis.call('HDEL', KEYS[2], 'i' .. id)
  tell(ARGV[5], ARGV[4], ARGV[6], id, data, 0)
end
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('DEL', KEYS[2]) end
return 1
`);

/** Lua that reads the clock of Redis, the only one that counts. */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/**
 * Renews the lease of a node. While the server refuses to write, no lease can be renewed, so none has run out.
 *
 * Keys: nodes. Arguments: node, milliseconds. Returns 0: its lease was good, 1: it had run out, 2: it had none; the nodes that live;
 * those whose lease has run out.
 */
const beat = script(`${NOW}
local was = redis.call('ZSCORE', KEYS[1], ARGV[1])
local state = 0
if not was then state = 2 elseif tonumber(was) < now then state = 1 end
local renewed = redis.pcall('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
if type(renewed) == 'table' then
  if string.find(renewed.err, 'READONLY', 1, true) then return renewed end
  return { 0, redis.call('ZRANGE', KEYS[1], 0, -1), {} }
end
local alive = redis.call('ZRANGEBYSCORE', KEYS[1], string.format('%.0f', now), '+inf')
return { state, alive, redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now)) }
`);

/** The nodes that live. Keys: nodes. */
const alive = script(`${NOW}
return redis.call('ZRANGEBYSCORE', KEYS[1], string.format('%.0f', now), '+inf')
`);

/**
 * Begins to remove what an expired node has left, unless another node does. Keys: nodes, reaper. Arguments: the expired node, this
 * node, milliseconds after which another one may begin.
 */
const claim = script(`${NOW}
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not ends or tonumber(ends) >= now then return 0 end
return redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) and 1 or 0
`);

/** Ends it: the node is forgotten, unless it has come back. Keys and arguments: the first ones of \`claim\`. */
const reaped = script(`${NOW}
redis.call('DEL', KEYS[2])
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ends and tonumber(ends) < now then redis.call('ZREM', KEYS[1], ARGV[1]) end
return 1
`);

/** All scripts. They are loaded when a connection is made. */
export const scripts = { append, read, tops, join, leave, beat, alive, claim, reaped } as const;
