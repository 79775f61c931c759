# SPDX-License-Identifier: Apache-2.0
"""proxy.py PORT TARGET: forward connections on loopback, and break them when
told on stdin: "cut S" drops all and refuses new ones for S seconds, "freeze S"
forwards nothing for S seconds, and then what waited. Ends with its stdin."""
import asyncio
import sys


class Proxy:
    def __init__(self, port, target):
        self.port, self.target = port, target
        self.writers = set()
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.server = None

    async def pump(self, reader, writer):
        try:
            while data := await reader.read(1 << 18):
                await self.flowing.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    async def accept(self, reader, writer):
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self.writers |= {writer, back}
        await asyncio.gather(self.pump(reader, back), self.pump(there, writer))

    async def listen(self):
        self.server = await asyncio.start_server(self.accept, "127.0.0.1", self.port)

    async def cut(self, seconds):
        self.server.close()
        for writer in list(self.writers):
            writer.transport.abort()
        await asyncio.sleep(seconds)
        await self.listen()

    async def freeze(self, seconds):
        self.flowing.clear()
        await asyncio.sleep(seconds)
        self.flowing.set()

    async def run(self):
        await self.listen()
        orders = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        print("ready", flush=True)
        while line := await orders.readline():
            order, seconds = line.split()
            await {b"cut": self.cut, b"freeze": self.freeze}[order](float(seconds))
            print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(Proxy(int(sys.argv[1]), int(sys.argv[2])).run())
