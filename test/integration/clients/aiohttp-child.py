"""Peers with Python's aiohttp, for ChildClient: commands as lines of JSON on stdin, answers on stdout.

Usage: aiohttp-child.py COMPRESS, the argument `compress` of `ws_connect`.
"""

import asyncio
import hashlib
import json
import sys

import aiohttp

SHORT = 125


def payload_of(content):
    part = content["part"]
    if content["type"] == "binary":
        part = bytes.fromhex(part)
    return part * content["times"]


def seen(message):
    kind = "text" if message.type == aiohttp.WSMsgType.TEXT else "binary"
    data = message.data.encode() if kind == "text" else message.data
    if len(data) > SHORT:
        return f"{kind} of {len(data)} bytes: {hashlib.sha256(data).hexdigest()}"
    return f"{kind}: {message.data if kind == 'text' else data.hex()}"


class Peer:
    def __init__(self, session, socket):
        self.session = session
        self.socket = socket

    async def send(self, content):
        payload = payload_of(content)
        await (self.socket.send_str(payload) if isinstance(payload, str) else self.socket.send_bytes(payload))

    async def received(self, messages):
        return [seen(await self.socket.receive()) for _ in range(messages)]

    async def dispose(self):
        await self.socket.close()
        await self.session.close()


PEERS = {}


async def open_peer(peer, url, protocols):
    session = aiohttp.ClientSession()
    socket = await session.ws_connect(url, protocols=protocols, compress=int(sys.argv[1]), max_msg_size=0)
    PEERS[peer] = Peer(session, socket)
    return {"protocol": socket.protocol or ""}


async def run(line):
    command = json.loads(line)
    peer, method, args = command["peer"], command["method"], command["args"]
    try:
        result = await (open_peer(peer, *args) if method == "open" else getattr(PEERS[peer], method)(*args))
        answer = {"id": command["id"], "result": result}
    except Exception as error:
        answer = {"id": command["id"], "error": repr(error)}
    print(json.dumps(answer), flush=True)


async def main():
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    running = set()
    while line := await commands.readline():
        task = asyncio.create_task(run(line))
        running.add(task)
        task.add_done_callback(running.discard)


asyncio.run(main())
