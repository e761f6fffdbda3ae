"""An echo server with Python's websockets. It prints its port. The words it knows are in server.ts."""

import asyncio
import http
import json
import os
import socket
import sys

import websockets

last = ""


async def serve(ws, path=None):
    global last
    try:
        async for message in ws:
            if not isinstance(message, str):
                await ws.send(message)
            elif message.startswith("close:"):
                _, code, reason = message.split(":", 2)
                await ws.close(int(code), reason)
            elif message.startswith("header:"):
                await ws.send(headers(ws).get(message[7:], "none"))
            elif message == "ping":
                await (await ws.ping())
                await ws.send("pong came")
            elif message == "last":
                await ws.send(last)
            else:
                await ws.send(message)
    except websockets.ConnectionClosed:
        pass
    finally:
        code = getattr(ws, "close_code", None)
        if code is not None and ws.close_reason != "asked":
            last = f"{code} {ws.close_reason}"


def headers(ws):
    return ws.request_headers if hasattr(ws, "request_headers") else ws.request.headers


async def refuse(path, request_headers):
    if path == "/refuse":
        return http.HTTPStatus.FORBIDDEN, [], b"not you"


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    options = {"sock": listener, "subprotocols": ["b", "c"], "process_request": refuse, "max_size": 2**24}
    if "plain" in sys.argv:
        options["compression"] = None
    async with websockets.serve(serve, **options):
        print(listener.getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
