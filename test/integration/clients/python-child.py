"""Peers with Python's websockets, for ChildClient: commands as lines of JSON on stdin, answers on stdout.

Usage: python-child.py [OFFER], the arguments of ClientPerMessageDeflateFactory as JSON.
"""

import asyncio
import hashlib
import json
import sys

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

SHORT = 125


def payload_of(content):
    part = content["part"]
    if content["type"] == "binary":
        part = bytes.fromhex(part)
    return part * content["times"]


def seen(message):
    kind = "text" if isinstance(message, str) else "binary"
    data = message.encode() if isinstance(message, str) else message
    if len(data) > SHORT:
        return f"{kind} of {len(data)} bytes: {hashlib.sha256(data).hexdigest()}"
    return f"{kind}: {message if isinstance(message, str) else message.hex()}"


class Peer:
    def __init__(self, socket):
        self.socket = socket

    async def send(self, content):
        try:
            await self.socket.send(payload_of(content))
        except websockets.ConnectionClosed:
            pass  # as in browsers

    async def count(self, messages):
        for n in range(messages):
            await self.socket.send(str(n))

    async def fragments(self, parts, pings):
        async def each():
            for index, part in enumerate(parts):
                yield payload_of(part)
                if pings and index < len(parts) - 1:
                    await self.ping(f"after {index}")

        await self.socket.send(each())

    async def received(self, messages):
        return [seen(await self.socket.recv()) for _ in range(messages)]

    async def ping(self, payload):
        await (await self.socket.ping(payload))

    async def pong(self, payload):
        await self.socket.pong(payload)

    async def close(self, *args):
        await self.socket.close(*args)

    async def closed(self):
        await self.socket.wait_closed()
        return {"code": self.socket.close_code, "reason": self.socket.close_reason}

    async def dispose(self):
        if not self.socket.closed:
            self.socket.transport.abort()


PEERS = {}


def compression():
    if len(sys.argv) < 2:
        return {}
    return {"compression": None, "extensions": [ClientPerMessageDeflateFactory(**json.loads(sys.argv[1]))]}


async def open_peer(peer, url, protocols):
    # Without limits in time: a slow machine is no failure, and the tests have limits of their own.
    unlimited = {"max_size": None, "open_timeout": None, "close_timeout": None, "ping_interval": None}
    try:
        socket = await websockets.connect(url, subprotocols=protocols or None, **unlimited, **compression())
    except websockets.InvalidStatusCode as refusal:
        return {"refused": refusal.status_code}
    PEERS[peer] = Peer(socket)
    return {"protocol": socket.subprotocol or ""}


async def run(line):
    command = json.loads(line)
    peer, method, args = command["peer"], command["method"], command["args"]
    try:
        if method == "open":
            result = await open_peer(peer, *args)
        else:
            result = await getattr(PEERS[peer], method)(*args)
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
