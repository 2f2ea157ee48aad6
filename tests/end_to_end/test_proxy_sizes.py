"""Messages of absurd size and shape, with the limits that come by default: the refusal names the limit, memory stays where it was,
and the session goes on; what is within the limits passes whole."""
import os
import re
import threading

import house
from proxy_house import MAIL, PLAIN, Proxy, lmtp_downstream, smtp_downstream, through, without_ours
from smtp_script import stuffed

MEGABYTE = 1000000
FLAT = 8 * MEGABYTE  # more than a message's share of memory, far less than what is sent
SERVER, WHERE = smtp_downstream()
BOX, BOX_WHERE = lmtp_downstream()
PROXY = Proxy({"before": ("smtp", WHERE, ""), "lmtp": ("lmtp", BOX_WHERE, "")}, name="sizes")


def most_resident():
    """Octets: the most the daemon ever had."""
    with open(f"/proc/{PROXY.process.pid}/status", encoding="ascii") as file:
        return 1024 * int(re.search(r"^VmHWM:\s+(\d+)", file.read(), re.M).group(1))


def stream(client, parts):
    """A message in an envelope of its own, in parts; the final reply."""
    for reply in client.envelope(hello="LHLO" if client.lmtp else "EHLO"):
        assert reply[0] == 250, reply
    client.expect(354, "DATA")
    for part in parts:
        client.send(part)
    client.send(b"\r\n.\r\n")
    return client.reply()


def client_of(name):
    client = PROXY.client(name, timeout=120 * house.SLOW)
    client.lmtp = name == "lmtp"
    return client


def refused(client, parts, limit):
    """552 that names the limit, with memory as it was; and the session goes on."""
    before, complete = most_resident(), len(SERVER.complete()) + len(BOX.complete())
    code, texts = stream(client, parts)
    assert code == 552 and texts[0].startswith("5.3.4") and limit in texts[0], (code, texts)
    assert len(SERVER.complete()) + len(BOX.complete()) == complete
    grown = most_resident() - before
    print(f"   {code} {texts[0]}: {grown // 1024} KiB more")
    if "san" not in os.path.basename(house.BUILD):  # which keep what was freed
        assert grown < FLAT, grown
    assert stream(client, [PLAIN])[0] == 250


def times(part, octets):
    """part again and again, some at a time, until so many octets have come."""
    some = part * (MEGABYTE // len(part) + 1)
    for _ in range(octets // len(some) + 1):
        yield some


def prepended(head, parts):
    yield head
    yield from parts


def a_message_of_100_mb():
    lines = b"%070d\r\n" % 0
    for name in ("before", "lmtp"):
        client = client_of(name)
        code, texts = stream(client, [PLAIN])  # what is taken once is taken now
        assert code == 250, texts
        refused(client, prepended(PLAIN, times(lines, 100 * MEGABYTE)), "52428800")
        refused(client, prepended(PLAIN, times(b"x" * 1000, 60 * MEGABYTE)), "52428800")  # one line
        client.expect(221, "QUIT")


def header_sections_without_end():
    client = client_of("before")
    for what, parts, limit in (
            ("many small fields", times(b"X: y\r\n", 20 * MEGABYTE), "1000"),
            ("one field, folded for ever", prepended(b"X: y\r\n", times(b" folded\r\n", 20 * MEGABYTE)), "65536"),
            ("one line without end", prepended(b"X: ", times(b"y" * 1000, 20 * MEGABYTE)), "65536"),
            ("fields of 60,000 octets", times(b"X: " + b"y" * 60000 + b"\r\n", 20 * MEGABYTE), "262144"),
            ("empty names", times(b":\r\n", 5 * MEGABYTE), "1000"),
            ("no colon at all", times(b"y" * 1000, 20 * MEGABYTE), "65536"),
            ("nothing but folding", times(b" \r\n", 20 * MEGABYTE), "65536")):
        print(f"   {what}:")
        refused(client, parts, limit)
    client.expect(221, "QUIT")


def five_thousand_recipients():
    """The first 1,000 are accepted, the others are to be tried in another transaction (RFC 5321 section 4.5.3.1.10)."""
    for name, server in (("before", SERVER), ("lmtp", BOX)):
        client, before = client_of(name), most_resident()
        client.expect(250, ("LHLO" if client.lmtp else "EHLO") + " client.test")
        client.expect(250, "MAIL FROM:<alice@there.test>")
        commands = b"".join(b"RCPT TO:<u%d@here.test>\r\n" % i for i in range(5000))
        sender = threading.Thread(target=client.send, args=(commands,))  # who pipelines that much must read meanwhile
        sender.start()
        replies = [client.reply() for _ in range(5000)]
        sender.join()
        assert [code for code, _ in replies] == [250] * 1000 + [452] * 4000
        assert all(texts[0].startswith("4.5.3") for _, texts in replies[1000:]), replies[1000]
        got = client.data(MAIL, 1000 if client.lmtp else 1)
        assert all(code == 250 for code, _ in (got if client.lmtp else [got]))
        assert server.complete()[-1].recipients == [f"u{i}@here.test" for i in range(1000)]
        assert stream(client, [PLAIN])[0] == 250
        grown = most_resident() - before
        print(f"   {replies[1000][0]} {replies[1000][1][0]}: {grown // 1024} KiB more")
        assert grown < FLAT or "san" in os.path.basename(house.BUILD), grown


def a_line_of_10_mb_passes_whole():
    line = bytes(0x21 + i * 7 % 90 for i in range(1000)) * 10000
    content = PLAIN + b"before\r\n" + line + b"\r\n." + line[:100000] + b"\r\nbehind\r\n"
    assert through(client_of("before"), content)[0] == 250
    assert without_ours(SERVER.complete()[-1].content) == content
    client = client_of("lmtp")
    client.envelope(hello="LHLO")
    client.expect(354, "DATA")
    client.send(stuffed(content))
    assert client.reply()[0] == 250
    assert without_ours(BOX.complete()[-1].content) == content


def it_ends_well():
    assert PROXY.stop() == 0, PROXY.log_text()


if __name__ == "__main__":
    house.main(a_message_of_100_mb, header_sections_without_end, five_thousand_recipients, a_line_of_10_mb_passes_whole, it_ends_well)
