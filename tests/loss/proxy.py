# SPDX-License-Identifier: Apache-2.0
"""proxy.py PORT TARGET [swallow]: forward connections on loopback, and break them
when told on stdin: "cut S" drops all and refuses new ones for S seconds, "freeze S"
forwards nothing for S seconds, and then what waited. With swallow, of a Kafka
broker's answers those to Produce requests are kept back for good, the others are
not. Ends with its stdin."""
import asyncio
import sys


class Proxy:
    def __init__(self, port, target, swallow=False):
        self.port, self.target, self.swallow = port, target, swallow
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

    async def frames(self, reader, writer, wanted):
        """One of Kafka's messages after the other, those that are wanted."""
        try:
            while True:
                head = await reader.readexactly(4)
                body = await reader.readexactly(int.from_bytes(head, "big"))
                if wanted(body):
                    writer.write(head + body)
                    await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    async def swallow_answers(self, reader, writer, there, back):
        produced = set()

        def request(body):  # kind, version, number
            if body[:2] == b"\0\0":
                produced.add(body[4:8])
            return True
        await asyncio.gather(self.frames(reader, back, request),
                             self.frames(there, writer, lambda b: b[:4] not in produced))

    async def accept(self, reader, writer):
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self.writers |= {writer, back}
        if self.swallow:
            await self.swallow_answers(reader, writer, there, back)
            return
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
    asyncio.run(Proxy(int(sys.argv[1]), int(sys.argv[2]), "swallow" in sys.argv[3:]).run())
