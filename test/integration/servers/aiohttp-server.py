"""An echo server with aiohttp. It prints its port. The words it knows are in server.ts."""

import asyncio
import socket
import sys

from aiohttp import WSMsgType, web

last = ""


async def serve(request):
    global last
    if request.path == "/refuse":
        return web.Response(status=403, text="not you")
    ws = web.WebSocketResponse(protocols=["b", "c"], compress="plain" not in sys.argv, max_msg_size=2**24)
    await ws.prepare(request)
    async for message in ws:
        if message.type == WSMsgType.BINARY:
            await ws.send_bytes(message.data)
        elif message.type != WSMsgType.TEXT:
            continue
        elif message.data.startswith("close:"):
            _, code, reason = message.data.split(":", 2)
            await ws.close(code=int(code), message=reason.encode())
        elif message.data.startswith("header:"):
            await ws.send_str(request.headers.get(message.data[7:], "none"))
        elif message.data == "last":
            await ws.send_str(last)
        else:
            await ws.send_str(message.data)
    last = f"{ws.close_code}"
    return ws


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    print(listener.getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
