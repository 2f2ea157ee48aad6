"""An SMTP and LMTP server in a process of its own that takes everything at once: thousands of connections, no threads, no books."""
import asyncio
import multiprocessing
import os
import signal
import socket

OFFERS = "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 104857600\r\n"
REPLIES = {b"EHLO": OFFERS, b"LHLO": OFFERS, b"DATA": "354 go ahead\r\n"}


class Session(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer, self.in_data = transport, bytearray(), False
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.write(b"220 sink.test\r\n")

    def data_received(self, octets):
        self.buffer += octets
        replies = []
        while self.take(replies):
            pass
        self.transport.write("".join(replies).encode())

    def take(self, replies):
        """One command or one message; False: its end has not come."""
        if self.in_data:
            at = self.buffer.find(b"\r\n.\r\n")
            if at < 0:
                del self.buffer[:-4]
                return False
            del self.buffer[:at + 5]
            self.in_data = False
            replies.append("250 2.0.0 Ok\r\n")
            return True
        at = self.buffer.find(b"\r\n")
        if at < 0:
            return False
        verb = bytes(self.buffer[:4]).upper()
        del self.buffer[:at + 2]
        self.in_data = verb == b"DATA"
        replies.append(REPLIES.get(verb, "250 2.0.0 Ok\r\n"))
        return True


class Sink:
    def __init__(self):
        listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = listening.getsockname()[1]
        self.process = multiprocessing.get_context("fork").Process(target=self.serve, args=(listening,), daemon=True)
        self.process.start()
        listening.close()

    def serve(self, listening):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        asyncio.run(self.run(listening))

    async def run(self, listening):
        await asyncio.get_running_loop().create_server(Session, sock=listening, backlog=4096)
        while os.getppid() != 1:
            await asyncio.sleep(1)

    def stop(self):
        self.process.kill()
        self.process.join()
