"""Smuggling (R-13): whatever a client puts where the end of data might be, no server behind us sees a second message: neither one
that ends data as the standard says, nor one that takes <LF>.<LF>, <CR>.<CR>, <LF>.<CRLF> or <CRLF>.<LF> for an end, nor one that
takes them all and drops NULs. Each variant with both settings of line_ends, alone and with a second transaction in the same
segment, whole, and cut at every octet of it."""
import itertools
import re
import threading

import house
from proxy_house import PLAIN, Proxy, without_ours
from smtp_script import Client, Downstream, Hangup, unstuffed

CR, LF, CRLF, NUL = b"\r", b"\n", b"\r\n", b"\x00"
BREAKS = {"crlf": CRLF, "lf": LF, "cr": CR, "crcrlf": CR + CRLF, "lfcr": LF + CR, "nul-crlf": NUL + CRLF, "cr-nul-lf": CR + NUL + LF}
DOTS = {"dot": b".", "nul-dot": NUL + b".", "dot-nul": b".\x00", "dot-dot": b".."}

# Name and octets of each supposed end: pairs of line ends around a dot, dots with a NUL, and some that history knows.
VARIANTS = {f"{before} {dot} {after}": BREAKS[before] + DOTS[dot] + BREAKS[after]
            for before, dot, after in itertools.product(BREAKS, DOTS, BREAKS)
            if dot == "dot" or "nul" not in before + after and "cr" in before + after}
VARIANTS.update({
    "lf lf dot lf lf": b"\n\n.\n\n", "cr cr dot cr cr": b"\r\r.\r\r", "crlf dot cr": b"\r\n.\r", "crlf dot cr crlf": b"\r\n.\r\r\n",
    "crlf dot space crlf": b"\r\n. \r\n", "crlf dot tab crlf": b"\r\n.\t\r\n", "crlf space dot crlf": b"\r\n .\r\n",
    "crlf dot backspace crlf": b"\r\n.\b\r\n", "vertical tab": b"\x0b.\x0b", "form feed": b"\x0c.\x0c", "next line (NEL)": b"\xc2\x85.\xc2\x85",
    "line separator": b"\xe2\x80\xa8.\xe2\x80\xa8", "full stop, wide": b"\r\n\xef\xbc\x8e\r\n", "latin-1 NEL": b"\x85.\x85",
    "two ends, first bare": b"\n.\n\r\n..\r\n", "dot before the first line end": b".\n.\r\n", "dots and bare ends": b"\n..\n.\r\n"})
VARIANTS = {name: octets for name, octets in VARIANTS.items() if b"\r\n.\r\n" not in octets}  # that would be the true end

SECOND = (b"MAIL FROM:<evil@there.test>\r\nRCPT TO:<bob@here.test>\r\nDATA\r\nFrom: evil@there.test\r\nX-Smuggled: yes\r\n\r\nsmuggled")
# What lenient servers take for an end of data.
ENDS = {"standard": rb"\r\n\.\r\n", "LF.LF": rb"\n\.\n|\r\n\.\r\n", "CR.CR": rb"\r\.\r|\r\n\.\r\n", "LF.CRLF": rb"\n\.\r\n", "CRLF.LF": rb"\r\n\.\r?\n",
        "anything": rb"(?:\r\n|\r|\n)\.(?:\r\n|\r|\n)"}


class Lenient(Downstream):
    """Ends data at what matches end; drops NULs first when told so. Commands may end with LF alone. Every MAIL counts."""

    def __init__(self, end, drops_nul=False):
        self.end, self.drops_nul, self.mails, self.stored = re.compile(end), drops_nul, [], []
        super().__init__()

    def _talk(self, wire):
        self._say(wire, "220 lenient.test")
        while True:
            while LF not in wire.buffer:
                wire.fill()
            line, wire.buffer = wire.buffer.split(LF, 1)
            verb = line.strip().upper()
            if verb.startswith(b"MAIL"):
                self.mails.append(line)
            if verb == b"DATA":
                self._say(wire, "354 go")
                self._take(wire)
            elif verb == b"QUIT":
                raise Hangup
            elif verb.startswith(b"EHLO"):
                self._say(wire, "250-lenient.test\n250 8BITMIME")
            else:
                self._say(wire, "250 2.0.0 Ok")

    def _take(self, wire):
        text = CRLF
        while True:
            text += wire.buffer
            wire.buffer = b""
            seen = text.replace(NUL, b"") if self.drops_nul else text
            match = self.end.search(seen)
            if match:
                break
            wire.fill()
        self.stored.append(seen[2:match.start()] + CRLF)
        wire.buffer = seen[match.end():]
        self._say(wire, "250 2.0.0 taken")


class Names(dict):
    """Servers by name, and what they have got since the last look."""

    def take(self):
        got = {name: (len(server.mails), list(server.stored)) for name, server in self.items()}
        for server in self.values():
            server.mails.clear()
            server.stored.clear()
        return got


SERVERS = Names({name: Lenient(end, drops_nul=name == "anything") for name, end in ENDS.items()})
SETTINGS = ("reject", "pass")
PROXY = Proxy({f"{setting} {name}": ("smtp", f"smtp:127.0.0.1:{server.port}", f'line_ends = "{setting}"')
               for setting in SETTINGS for name, server in SERVERS.items()}, more="limits { sessions = 10000 }", name="smuggling")


def session(where, octets, cut=None):
    """A whole session in one or two segments: replies from DATA's 354 on, until the connection ends."""
    client = PROXY.client(where)
    client.envelope()
    client.expect(354, "DATA")
    for part in (octets,) if cut is None else (octets[:cut], octets[cut:]):
        client.send(part)
    replies = []
    try:
        while True:
            replies.append(client.reply()[0])
    except (Hangup, ConnectionResetError):
        client.close()
        return replies


def expect(where, name, octets, wanted, messages, cut=None):
    replies = session(where, octets, cut)
    assert replies == wanted, (where, name, cut, replies, wanted)
    mails, stored = SERVERS.take()[where.split(" ", 1)[1]]
    assert len(stored) == messages, (where, name, cut, len(stored))
    assert mails >= messages and not any(b"X-Smuggled" in text.split(b"\r\n\r\n")[0] for text in stored), (where, name, cut, stored)
    return stored


def the_servers_are_lenient():
    """Without the filter each sees two messages in what ends as its name says."""
    ends = {"standard": b"\r\n.\r\n", "LF.LF": b"\n.\n", "CR.CR": b"\r.\r", "LF.CRLF": b"\n.\r\n", "CRLF.LF": b"\r\n.\n", "anything": b"\x00\r\x00.\n"}
    for name, server in SERVERS.items():
        client = Client(server.port)
        client.envelope()
        client.expect(354, "DATA")
        client.send(PLAIN + b"first" + ends[name] + SECOND + ends[name] + b"QUIT\r\n")
        replies = [client.reply()[0] for _ in range(5)]
        mails, stored = SERVERS.take()[name]
        assert (replies, mails, len(stored)) == ([250, 250, 250, 354, 250], 2, 2), (name, replies, mails, stored)
        client.close()


def is_odd(octets):
    """Holds what line_ends = reject refuses."""
    return NUL in octets or re.search(rb"\r(?!\n)|(?<!\r)\n", octets) is not None


def no_variant_ends_data():
    """The supposed end, a whole second transaction behind it, then the true end: one message or none, and nothing else answered."""
    for name, end in VARIANTS.items():
        content = PLAIN + b"first" + end + SECOND
        for setting, server in itertools.product(SETTINGS, SERVERS):
            refused = setting == "reject" and is_odd(content)
            stored = expect(f"{setting} {server}", name, content + b"\r\n.\r\nQUIT\r\n", [550 if refused else 250, 221], 0 if refused else 1)
            if not refused and server == "standard":
                got, want = without_ours(unstuffed(stored[0])), unstuffed(content + CRLF)
                assert got.replace(b"..", b".") == want.replace(b"..", b"."), (name, got[-300:], want[-300:])


def no_variant_ends_data_with_a_true_second_transaction():
    """Behind the true end comes another transaction, pipelined: it is a second message only there."""
    more = b"MAIL FROM:<alice@there.test>\r\nRCPT TO:<bob@here.test>\r\nDATA\r\n" + PLAIN + b".\r\nQUIT\r\n"
    for name, end in VARIANTS.items():
        content = PLAIN + b"first" + end + SECOND
        for setting, server in itertools.product(SETTINGS, ("standard", "anything")):
            refused = setting == "reject" and is_odd(content)
            stored = expect(f"{setting} {server}", name, content + b"\r\n.\r\n" + more,
                            [550 if refused else 250, 250, 250, 354, 250, 221], 1 if refused else 2)
            assert without_ours(unstuffed(stored[-1])) == PLAIN, (name, stored[-1])


def a_cut_at_any_octet_changes_nothing():
    """Two segments, cut before, inside and behind the supposed end and the true one."""
    failures = []

    def try_all(where, names):
        try:
            for name in names:
                end = VARIANTS[name]
                content = PLAIN + b"first" + end + b"X\r\n.\r\n"
                refused = where.startswith("reject") and is_odd(content)
                start = len(PLAIN) + 4
                for cut in range(start, len(content) + 1):
                    replies = session(where, content + b"QUIT\r\n", cut)
                    assert replies == [550 if refused else 250, 221], (where, name, cut, replies)
        except AssertionError as error:
            failures.append(error)

    wheres = [f"{setting} anything" for setting in SETTINGS]
    threads = [threading.Thread(target=try_all, args=(where, sorted(VARIANTS)[i::2])) for where in wheres for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]
    cuts = {setting: sum(len(end) + 8 for end in VARIANTS.values() if setting == "pass" or not is_odd(end)) for setting in SETTINGS}
    mails, stored = SERVERS.take()["anything"]
    assert mails >= len(stored) and not any(b"smuggled" in text for text in stored)
    assert len(stored) == sum(cuts.values()), (len(stored), cuts)


def octet_by_octet():
    """Every variant with a second transaction, an octet a segment, to the most lenient server."""
    for name, end in VARIANTS.items():
        content = b"Subject: x\r\n\r\nfirst" + end + b"MAIL FROM:<e@there.test>\r\nDATA\r\n\r\n.\r\nQUIT\r\n"
        for setting in SETTINGS:
            refused = setting == "reject" and is_odd(content)
            client = PROXY.client(f"{setting} anything")
            client.envelope()
            client.expect(354, "DATA")
            for at in range(len(content)):
                client.send(content[at:at + 1])
            assert client.reply()[0] == (550 if refused else 250), name
            assert client.reply()[0] == 221, name
            client.close()
            assert len(SERVERS.take()["anything"][1]) == (0 if refused else 1), (setting, name)


def it_ends_well():
    assert PROXY.stop() == 0, PROXY.log_text()[-2000:]


if __name__ == "__main__":
    assert len(VARIANTS) >= 40
    print(f"{len(VARIANTS)} variants, {len(SERVERS)} servers, {len(SETTINGS)} settings")
    house.main(the_servers_are_lenient, no_variant_ends_data, no_variant_ends_data_with_a_true_second_transaction, a_cut_at_any_octet_changes_nothing, octet_by_octet,
               it_ends_well)
