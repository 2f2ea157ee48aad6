"""A scripted SMTP/LMTP client and a scripted downstream server, octet for octet: what smtplib would not say, and the
faults that a real server shows once a year. Standard library only; everything on 127.0.0.1."""
import socket
import threading
import time


class Hangup(Exception):
    """The other side closed the connection."""


class Wire:
    """Lines and replies over a connected socket."""

    def __init__(self, connection):
        self.socket = connection
        if connection.family != socket.AF_UNIX: # small replies in a row shall not wait for each other's acknowledgement
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, octets):
        self.socket.sendall(octets)

    def fill(self):
        octets = self.socket.recv(65536)
        if not octets:
            raise Hangup
        self.buffer += octets

    def line(self):
        """One line without its CRLF. Only CRLF ends it."""
        while b"\r\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def reply(self):
        """(code, [texts]) of one reply of one or more lines."""
        texts = []
        while True:
            line = self.line()
            texts.append(line[4:].decode("ascii"))
            if line[3:4] != b"-":
                return int(line[:3]), texts

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class Client(Wire):
    """A client that says what it is told and nothing else; from the address source, with header before it is greeted."""

    def __init__(self, port, timeout=60, source="127.0.0.1", header=b""):
        super().__init__(socket.create_connection(("127.0.0.1", port), timeout, source_address=(source, 0)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each send is a segment, and none waits
        self.send(header)
        self.greeting = self.reply()

    def say(self, line):
        self.send((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        return self.reply()

    def expect(self, code, line):
        got = self.say(line)
        assert got[0] == code, f"{line}: {got}"
        return got[1]

    def envelope(self, recipients=("bob@here.test",), sender="alice@there.test", hello="EHLO"):
        self.expect(250, hello + " client.test")
        self.expect(250, f"MAIL FROM:<{sender}>")
        return [self.say(f"RCPT TO:<{recipient}>") for recipient in recipients]

    def data(self, content, replies=1):
        """Sends content (dot-stuffed here) and the end of data; the reply, or the list of them for LMTP."""
        self.expect(354, "DATA")
        self.send(stuffed(content))
        got = [self.reply() for _ in range(replies)]
        return got[0] if replies == 1 else got

    def is_closed(self, seconds=20):
        """True once the server has closed and sent nothing more."""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def stuffed(content):
    """Content that ends with CRLF, as it goes over the wire: dots doubled at line starts, final dot."""
    assert content == b"" or content.endswith(b"\r\n")
    text = (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:]
    return text + b".\r\n"


def unstuffed(wire):
    """The content of what came between 354 and the final dot's line."""
    return (b"\r\n" + wire).replace(b"\r\n.", b"\r\n")[2:]


class Received:
    """One transaction as downstream saw it."""

    def __init__(self, sender, client):
        self.sender = sender
        self.client = client      # XFORWARD attributes, as written
        self.introduced = {}      # XCLIENT attributes, as written
        self.hello = ""           # what the client called itself last
        self.parameters = ""      # behind the path of MAIL
        self.recipients = []      # accepted ones
        self.wire = b""           # after 354, without the final dot's line
        self.complete = False     # the final dot came

    @property
    def content(self):
        return unstuffed(self.wire)


OFFERS = ("PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES",
          "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE")


class Downstream:
    """A server that takes mail, or fails as told: set the fields below before or between sessions.

    greeting    its greeting; not 220: closes after it
    offers      keywords of its EHLO reply
    replies     {command line prefix, upper case: reply}, looked up by longest prefix; reply may hold several lines
    final       reply to the end of data, or a list of them (LMTP: one for each recipient)
    die         where it closes the connection without a word: "greeting", "MAIL", "RCPT", "DATA", "content", "final"
    hang        the same places, but it says nothing more and keeps the connection
    die_octets  with die or hang "content": after so many octets of it
    delay       seconds before each final reply
    starttls    called with the wire when the command comes; it answers
    """

    def __init__(self, lmtp=False, port=0):
        self.lmtp = lmtp
        self.greeting, self.offers, self.replies = "220 downstream.test", OFFERS, {}
        self.final, self.die, self.hang, self.die_octets, self.delay = "250 2.0.0 Ok: queued as 4F00", None, None, 0, 0
        self.starttls = None
        self.received, self.commands, self.open = [], [], []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def complete(self):
        return [one for one in self.received if one.complete]

    def close(self):
        self.listener.close()
        for wire in list(self.open):
            wire.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(120)
            threading.Thread(target=self._serve, args=(Wire(connection),), daemon=True).start()

    def _serve(self, wire):
        self.open.append(wire)
        try:
            self._talk(wire)
        except (Hangup, OSError):
            pass
        self.open.remove(wire)
        wire.close()

    def _fails(self, place, wire):
        """Dies or hangs when told so for this place."""
        if self.die == place:
            raise Hangup
        if self.hang == place:
            while True:
                wire.fill()

    def _say(self, wire, reply):
        wire.send(reply.replace("\n", "\r\n").encode("latin-1") + b"\r\n")

    def _talk(self, wire):
        current, client, introduced, hello = None, {}, {}, ""
        self._fails("greeting", wire)
        self._say(wire, self.greeting)
        if not self.greeting.startswith("220"):
            return
        while True:
            line = wire.line().decode("utf-8")
            self.commands.append(line)
            verb = line.split(" ")[0].upper()
            reply = max((key for key in self.replies if line.upper().startswith(key)), key=len, default=None)
            reply = self.replies[reply] if reply else None
            self._fails(verb, wire)
            if verb in ("EHLO", "LHLO", "HELO"):
                hello = line[5:]
                wrong = (verb == "LHLO") != self.lmtp
                lines = ("downstream.test",) + (tuple(self.offers) if verb != "HELO" else ())
                text = "\n".join("250%s%s" % ("-" if i + 1 < len(lines) else " ", one) for i, one in enumerate(lines))
                self._say(wire, reply or ("500 5.5.1 wrong hello" if wrong else text))
            elif verb == "XFORWARD":
                client.update(pair.split("=", 1) for pair in line.split(" ")[1:])
                self._say(wire, reply or "250 2.0.0 Ok")
            elif verb == "XCLIENT":
                if not reply or reply.startswith("2"):
                    introduced.update(pair.split("=", 1) for pair in line.split(" ")[1:])
                self._say(wire, reply or "220 downstream.test")
            elif verb == "MAIL":
                path, _, parameters = line[10:].partition(">")
                current = Received(path.strip("<"), dict(client))
                current.parameters, current.introduced, current.hello = parameters.strip(), dict(introduced), hello
                self._say(wire, reply or "250 2.1.0 Ok")
                if reply and not reply.startswith("2"):
                    current = None
            elif verb == "RCPT":
                if not reply or reply.startswith("2"):
                    current.recipients.append(line[8:].partition(">")[0].strip("<"))
                self._say(wire, reply or "250 2.1.5 Ok")
            elif verb == "DATA":
                self.received.append(current)
                self._say(wire, reply or "354 go ahead")
                if not reply or reply.startswith("354"):
                    self._data(wire, current)
                current, client = None, {}
            elif verb == "RSET":
                current, client = None, {}
                self._say(wire, reply or "250 2.0.0 Ok")
            elif verb == "STARTTLS" and self.starttls is not None:
                self.starttls(wire)
            elif verb == "QUIT":
                self._say(wire, "221 2.0.0 Bye")
                return
            else:
                self._say(wire, reply or "502 5.5.1 not here")

    def _data(self, wire, current):
        while b"\r\n.\r\n" not in b"\r\n" + wire.buffer:
            if self.die == "content" and len(wire.buffer) >= self.die_octets:
                raise Hangup
            if self.hang == "content" and len(wire.buffer) >= self.die_octets:
                time.sleep(60)
            try:
                wire.fill()
            finally:
                current.wire = wire.buffer
        if "content" in (self.die, self.hang):
            self._fails("content", wire)
        text, wire.buffer = (b"\r\n" + wire.buffer).split(b"\r\n.\r\n", 1)
        current.wire = (text + b"\r\n")[2:]
        current.complete = True
        self._fails("final", wire)
        finals = self.final if isinstance(self.final, list) else [self.final] * (len(current.recipients) if self.lmtp else 1)
        for final in finals:
            time.sleep(self.delay)
            self._say(wire, final)
