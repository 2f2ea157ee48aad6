"""Clients that misbehave, servers that do, a DNS that does, reloads in between, and SIGTERM in the middle of it all. Whatever
happens, the books must balance: nothing lost, altered, doubled, or acknowledged by us alone. SCEAU_SEED and SCEAU_ROUNDS give other and longer runs."""
import collections
import itertools
import os
import random
import re
import signal
import socket
import struct
import threading
import time

import house
from proxy_house import Client, Downstream, Proxy, without_ours
from smtp_script import Hangup, Received, stuffed

SEED = int(os.environ.get("SCEAU_SEED", "1"))
ROUNDS = int(os.environ.get("SCEAU_ROUNDS", "25"))  # sessions of each client
NUMBER = re.compile(rb"X-Number: (\S+)\r\n")
SIGNATURE = (b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=there.example; s=%s; h=from:to;\r\n"
             b" bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n")
LIMITS = ("workers = 2\nlog { lines_per_second = 0 }\nlimits { data_timeout = 5s final_reply_timeout = 1s reply_timeout = 1s greeting_timeout = 2s "
          "spool_memory = 32KiB errors = 1000 drain_timeout = 5s }\n")


class Moody(Downstream):
    """A server that draws what to do wrong for each transaction; half of the time, nothing."""

    FAULTS = ("die MAIL", "die RCPT", "die DATA", "die content", "die final", "hang RCPT", "hang DATA", "hang final", "refuse MAIL",
              "refuse RCPT", "refuse DATA", "final 451", "final 554", "final 421", "421 MAIL", "early 452", "one more", "three more",
              "tired", "garbage", "too few", "split")

    def __init__(self, lmtp):
        self.draws, self.lock = random.Random(SEED + lmtp), threading.Lock()
        self.acknowledged = collections.Counter()  # final replies of class 2, by number
        super().__init__(lmtp)

    def draw(self, most):
        with self.lock:
            return self.draws.randrange(most)

    def say(self, wire, text, split=False):
        octets = text.replace("\n", "\r\n").encode() + b"\r\n"
        for at in range(0, len(octets), 1 if split else len(octets)):
            wire.send(octets[at:at + (1 if split else len(octets))])

    def fails(self, fault, place, wire):
        if fault == "421 " + place:
            self.say(wire, "421 4.3.2 leaving")
        if fault in ("die " + place, "421 " + place):
            raise Hangup
        while fault == "hang " + place:
            wire.fill()

    def _talk(self, wire):
        current, fault = None, None
        self.say(wire, "220 moody.test")
        while True:
            line = wire.line().decode()
            verb = line.split(" ")[0].upper()
            if verb == "MAIL":
                fault = self.draw(2) and self.FAULTS[self.draw(len(self.FAULTS))]
                current = Received(line, {})
            self.fails(fault, verb, wire)
            if verb in ("EHLO", "LHLO"):
                text = "250-moody.test\n250-XFORWARD NAME ADDR PROTO HELO\n250-8BITMIME\n250 " + ("PIPELINING", "SIZE")[self.draw(2)]
            elif verb == "QUIT":
                return
            elif verb == "MAIL":
                text = "451 4.7.1 not from you" if fault == "refuse MAIL" else "250 2.1.0 Ok"
            elif verb == "RCPT":
                refused = fault == "refuse RCPT" and self.draw(3)
                text = "550-5.1.1 nobody\n550 5.1.1 of that name" if refused else "250 2.1.5 Ok"
                current.recipients += [line] if not refused else []
            elif verb == "DATA":
                if fault != "refuse DATA" and current.recipients:
                    self.say(wire, "354 go", fault == "split")
                    self.take(wire, current, fault)
                    continue
                text = "451 4.3.0 later"
            else:
                text = "250 2.0.0 Ok"
            self.say(wire, text, fault == "split")

    def take(self, wire, current, fault):
        stop = self.draw(100000)
        while b"\r\n.\r\n" not in b"\r\n" + wire.buffer:
            if fault == "early 452" and len(wire.buffer) >= stop:
                self.say(wire, "452 4.3.1 full")
            if fault in ("die content", "early 452") and len(wire.buffer) >= stop:
                raise Hangup
            wire.fill()
        text, wire.buffer = (b"\r\n" + wire.buffer).split(b"\r\n.\r\n", 1)
        current.wire, current.complete = (text + b"\r\n")[2:], True
        number = NUMBER.search(current.wire).group(1)
        with self.lock:
            self.received.append(current)
        self.fails(fault, "final", wire)
        if fault == "final 421":
            self.fails("421 final", "final", wire)
        if fault == "garbage":
            return self.say(wire, "fine by me")
        replies = [{"final 451": "451 4.2.0 later", "final 554": "554 5.6.0 no"}.get(fault) or
                   ("452 4.2.2 full" if i % 3 == 1 else f"250 2.0.0 Ok: queued as {number.decode()}")
                   for i in range(len(current.recipients) if self.lmtp else 1)]
        for reply in replies[:-1] if fault == "too few" and len(replies) > 1 else replies:
            with self.lock:
                self.acknowledged[number] += reply.startswith("250")
            self.say(wire, reply, fault == "split")
        if fault == "too few":
            raise Hangup
        more = {"one more": "250 2.0.0 more", "three more": "250 2.0.0 more\n250 2.0.0 more\n250 2.0.0 more".replace("\n", "\r\n"),
                "tired": "421 4.4.2 tired"}
        if fault in more:
            self.say(wire, more[fault])


class MoodyDns:
    """A resolver that answers now, later, never, or with a reply of another kind."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port, self.draws = self.socket.getsockname()[1], random.Random(SEED)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            mood = self.draws.choice(("now", "now", "later", "never", "no such name", "failure", "nonsense"))
            threading.Timer(self.draws.random() * 0.6 if mood == "later" else 0, self._answer, (mood, query, client)).start()

    def _answer(self, mood, query, client):
        question = query[12:query.index(b"\0", 12) + 5]
        counts = b"\0\1\0\0\0\0\0\0"
        if mood in ("now", "later"):
            record = b"\xc0\x0c\0\x10\0\1\0\0\0\1\0\x0c\x0bv=DKIM1; p="
            self.socket.sendto(query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question + record, client)
        elif mood in ("no such name", "failure"):
            self.socket.sendto(query[:2] + (b"\x81\x83" if mood == "no such name" else b"\x81\x82") + counts + question, client)
        elif mood == "nonsense":
            self.socket.sendto(query[:2] + b"\x81\x80" + bytes(range(40)), client)


class Books:
    """What clients sent and what they were told."""

    def __init__(self):
        self.lock, self.numbers = threading.Lock(), itertools.count()
        self.sent, self.acknowledged, self.trouble, self.finals = {}, collections.Counter(), [], collections.Counter()

    def message(self, draws):
        """A new message: (number, content)."""
        lines, wanted = [], draws.choice((0, 10, 500, 5000, 70000, 300000))
        while sum(map(len, lines)) < wanted:
            lines.append(draws.choice((b"", b".", b"..", b".x", b"x" * draws.randrange(200), b"a" * 990)))
        with self.lock:
            number = b"%d" % next(self.numbers)
            signatures = b"".join(SIGNATURE % (b"s%d" % draws.randrange(500)) for _ in range(draws.choice((0, 0, 1, 3))))
            self.sent[number] = (signatures + b"From: a@there.test\r\nTo: b@here.test\r\nX-Number: " + number + b"\r\n\r\n"
                                 + b"".join(line + b"\r\n" for line in lines))
            return number, self.sent[number]

    def complain(self, *what):
        with self.lock:
            self.trouble.append(what)

    def note_final(self, number, reply):
        code, texts = reply
        with self.lock:
            self.finals[code] += 1
            self.acknowledged[number] += code == 250
        if code == 250 and "queued as" in texts[0] and not texts[0].endswith(" " + number.decode()):
            self.complain("reply of another message", number, reply)


BOOKS = Books()


def vanish(client, wire, content, draws):
    """Sends a part, be it all but the last octet, and goes; half of the time with a reset."""
    everything = wire + stuffed(content)
    client.send(everything[:draws.choice((draws.randrange(len(wire)), draws.randrange(len(everything)), len(everything) - draws.randrange(6)))])
    time.sleep(draws.choice((0, 0.05)))
    if draws.randrange(2):
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    raise Hangup


def send_one(client, lmtp, draws):
    """One message, in one of several manners. Hangup: the session is over."""
    number, content = BOOKS.message(draws)
    mail = b"MAIL FROM:<a%s@there.test>" % number
    envelope = [mail] + [b"RCPT TO:<r%d@here.test>" % i for i in range(draws.randrange(1, 5))] + [b"DATA"]
    manner = draws.choice(("waits", "waits", "at once", "at once", "in pieces", "says all and ends", "vanishes", "changes its mind"))
    if manner == "changes its mind":
        envelope = envelope[:draws.randrange(1, len(envelope))] + [b"RSET"]
    wire = b"\r\n".join(envelope) + b"\r\n"
    if manner == "vanishes":
        vanish(client, wire, content, draws)
    replies, piece = [], 7 if manner == "in pieces" else len(wire)
    if manner == "waits":
        for line in envelope:
            replies.append(client.say(line))
    else:
        for at in range(0, len(wire), piece):
            client.send(wire[at:at + piece])
        for _ in envelope:
            replies.append(client.reply())
            if replies[-1][0] == 421:
                raise Hangup
    if manner == "changes its mind" or replies[-1][0] != 354:
        if replies[-1][0] == 421:
            raise Hangup
        last = replies[-1] if manner == "changes its mind" else client.say("RSET")
        if last[0] == 421:
            raise Hangup
        if last != (250, ["2.0.0 Ok"]):
            BOOKS.complain("RSET", number, last)
        return
    accepted = sum(reply[0] == 250 for reply in replies[1:-1])
    if accepted == 0:
        BOOKS.complain("354 without recipients", number, replies)
    octets, piece = stuffed(content), 1 << 20
    if manner == "in pieces":
        piece = len(octets) // 20 + 1
    for at in range(0, len(octets), piece):
        client.send(octets[at:at + piece])
    if manner == "says all and ends":
        client.send(b"QUIT\r\n")
        client.socket.shutdown(socket.SHUT_WR)
    for _ in range(accepted if lmtp else 1):
        BOOKS.note_final(number, client.reply())
    if manner == "says all and ends":
        raise Hangup


def be_client(proxy, name, seed):
    draws, lmtp = random.Random(seed), name in ("lmtp", "lmtp-box", "lmtp-smtp")
    for _ in range(ROUNDS):
        try:
            client = proxy.client(name)
            if client.greeting[0] != 220 or client.say(("LHLO" if lmtp else "EHLO") + " client.test")[0] != 250:
                continue
            for _ in range(draws.randrange(1, 6)):
                send_one(client, lmtp, draws)
            client.say("QUIT")
            client.close()
        except (Hangup, ConnectionError):
            pass
        except Exception as error:  # a thread's own would end nothing
            BOOKS.complain("client", name, repr(error))


def check_books(proxy, servers):
    acknowledged, stored = collections.Counter(), collections.Counter()
    for server in servers:
        acknowledged.update(server.acknowledged)
        for one in server.complete():
            number = NUMBER.search(one.wire).group(1)
            stored[number] += 1
            assert without_ours(one.content) == BOOKS.sent[number], ("altered", number)
    for text in proxy.stored():
        number = NUMBER.search(text).group(1)
        stored[number] += 1
        acknowledged[number] += 1
        assert without_ours(text).split(b"\r\n", 1)[1] == BOOKS.sent[number], ("altered", number)
    assert max(stored.values()) == 1, [number for number, count in stored.items() if count > 1]  # each was sent once
    lost = [number for number, count in BOOKS.acknowledged.items() if count and not stored[number]]
    alone = [number for number, count in BOOKS.acknowledged.items() if count and not acknowledged[number]]
    assert not lost and not alone and not BOOKS.trouble, (lost, alone, BOOKS.trouble[:10])
    assert len(stored) > len(BOOKS.sent) / 4, (len(stored), len(BOOKS.sent))
    print(f"{len(BOOKS.sent)} begun, {len(stored)} stored, finals {dict(BOOKS.finals)}")


def run(name, disturb):
    servers = Moody(False), Moody(True)
    smtp, lmtp = f"smtp:127.0.0.1:{servers[0].port}", f"lmtp:127.0.0.1:{servers[1].port}"
    box = "maildir:{folder}/Maildir"
    listeners = {"smtp": ("smtp", smtp, ""), "lmtp": ("lmtp", lmtp, ""), "lmtp-smtp": ("lmtp", smtp, ""), "smtp-lmtp": ("smtp", lmtp, ""),
                 "box": ("smtp", box, ""), "lmtp-box": ("lmtp", box, "")}
    BOOKS.__init__()
    dns = f'mode = "forward" forward = {{ "127.0.0.1@{MoodyDns().port}" }} trust_anchor = "none" budget = 300ms query_timeout = 500ms'
    proxy = Proxy(listeners, more=LIMITS, name=name, dns=dns)
    clients = [threading.Thread(target=be_client, args=(proxy, listener, SEED * 1000 + i), daemon=True)
               for i, listener in enumerate(2 * list(listeners))]
    for client in clients:
        client.start()
    disturb(proxy, clients)
    for client in clients:
        client.join(300)
        assert not client.is_alive(), "a client waits for ever"
    assert proxy.stop() == 0, proxy.log_text()[-3000:]
    check_books(proxy, servers)


def reload_now_and_then(proxy, clients):
    """The same configuration, and every third time one that takes another resolver."""
    for number in itertools.count():
        if not any(client.is_alive() for client in clients) or proxy.process.poll() is not None:
            return
        if number % 3 == 0:
            proxy.configure(proxy.template.replace("query_timeout = 500ms", f"query_timeout = {500 + number}ms"))
        proxy.process.send_signal(signal.SIGHUP)
        time.sleep(1)


def end_in_the_middle(proxy, clients):
    house.wait_for(lambda: sum(BOOKS.finals.values()) > 50, "some messages")
    start = time.monotonic()
    proxy.process.send_signal(signal.SIGTERM)
    assert proxy.process.wait(5 + 10 * house.SLOW) == 0, proxy.log_text()[-3000:]
    assert time.monotonic() - start < 5 + 5 * house.SLOW


def the_books_balance_through_reloads():
    run("reloads", reload_now_and_then)


def the_books_balance_when_service_ends():
    run("ends", end_in_the_middle)


if __name__ == "__main__":
    house.main(the_books_balance_through_reloads, the_books_balance_when_service_ends)
