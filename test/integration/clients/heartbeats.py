"""A client that sends one message, and pings while its handler is busy. It prints "alive" when the answer comes.

Usage: heartbeats.py LIBRARY URL. The heartbeats are much shorter than the handler's work.
"""
import asyncio
import sys
import threading

INTERVAL = 0.2
TIMEOUT = 1.0


async def with_websockets(url):
    import websockets

    async with websockets.connect(url, ping_interval=INTERVAL, ping_timeout=TIMEOUT) as socket:
        await socket.send("work")
        return await socket.recv()


async def with_aiohttp(url):
    import aiohttp

    # A pong must come within half of the heartbeat.
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url, heartbeat=2 * TIMEOUT) as socket:
            await socket.send_str("work")
            return (await socket.receive()).data


def with_websocket_client(url):
    import websocket

    answers = []

    def on_message(app, message):
        answers.append(message)
        app.close()

    app = websocket.WebSocketApp(url, on_open=lambda app: app.send("work"), on_message=on_message)
    app.run_forever(ping_interval=0.6, ping_timeout=0.5)
    return answers[0] if answers else None


library, url = sys.argv[1:]
if library == "websocket-client":
    answer = with_websocket_client(url)
else:
    answer = asyncio.run({"websockets": with_websockets, "aiohttp": with_aiohttp}[library](url))
print("alive" if answer == "done" else f"lost: {answer!r}")
