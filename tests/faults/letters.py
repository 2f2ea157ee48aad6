"""The messages of a run: each has its number and octets of its own, and all are signed, so that each verdict is known.
The signature covers what messages with the same body have in common; a body is signed once, by an implementation that is not ours."""
import hashlib
import random

import house
from smtp_script import stuffed

HEAD = (b"From: Alice <alice@there.test>\r\nTo: Bob <bob@here.test>\r\nSubject: faults\r\n"
        b"Date: Mon, 01 Jan 2024 00:00:00 +0000\r\n")
SELECTOR = "faults"
LINES = (b"", b".", b"..", b".x", b"From here on", b"x" * 77, b"tab\tand  blanks \t", b"a" * 990, b"\xe9\xff\x80")
SIZES = [0, 1, 100, 1000] + [300 * i for i in range(1, 17)] + [5000, 6000, 8000, 12000, 20000, 30000]
BIG = [100000, 400000]
WIDE = b"".join(b"X-Wide: %d\r\n" % i for i in range(40))


class Letters:
    def __init__(self):
        import dkim
        draws = random.Random(4)
        pem, self.record = house.make_key("faults")
        self.bodies = []
        for size in SIZES + BIG:
            body = b""
            while len(body) < size:
                body += draws.choice(LINES) + b"\r\n"
            field = dkim.sign(HEAD + b"\r\n" + body, SELECTOR.encode(), b"there.test", pem, canonicalize=(b"relaxed", b"relaxed"),
                              include_headers=[b"from", b"to", b"subject", b"date"])
            self.bodies.append((field, body, stuffed(body)))

    def zone(self, name):
        """A zone file with the key."""
        return house.put(name, house.zone_text("there.test", f"{SELECTOR}._domainkey TXT {house.txt(self.record)}"))

    def make(self, number, big_every=200):
        """(SHA-256 of the content, its form on the wire with the end of data)."""
        big = {7: -1, 5: -2, 1: -2}.get(number % big_every)
        field, body, wire = self.bodies[big if big is not None else number % len(SIZES)]
        head = field + HEAD + b"Message-ID: <%d@there.test>\r\n" % number + (WIDE if is_wide(number) else b"") + b"\r\n"
        return hashlib.sha256(head + body).hexdigest(), head + wire


def is_big(number):
    """Of 200 messages, three have 100,000 octets or more; big_every makes them more frequent."""
    return number % 200 in (1, 5, 7)


def is_wide(number):
    """One in 50 has 40 header fields more."""
    return number % 50 == 3


def chance(*words):
    """A number below 1 that depends on the words alone, so that both sides draw the same."""
    return int.from_bytes(hashlib.blake2b(" ".join(map(str, words)).encode(), digest_size=4).digest(), "big") / (1 << 32)
