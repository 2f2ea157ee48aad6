"""Fields that claim to be ours are gone in every spelling, look-alikes and foreign ones stay octet for octet (R-01), and
nothing else of a message changes: delivered octets minus our field = received octets."""
import random

import house
from proxy_house import ID, MAIL, OURS, Proxy, smtp_downstream, through, without_ours

A_R = "Authentication-Results"
UPPER = ID.upper()

# Each is one whole field that must be gone.
FORGED = [
    f"{A_R}: {ID}; dkim=pass header.d=there.test",
    f"{A_R.lower()}: {ID}; dkim=pass",
    f"{A_R.upper()}: {UPPER}; DKIM=PASS",
    "aUTHENTICATION-rESULTS: mX.hErE.tEsT; dkim=pass",
    f"{A_R} : {ID}; dkim=pass",
    f"{A_R}\t \t:{ID};dkim=pass",
    f"{A_R}:{ID};dkim=pass",
    f"{A_R}:\t\t{ID}\t;\tdkim=pass",
    f'{A_R}: "{ID}"; dkim=pass',
    f'{A_R}: "mx\\.here.test"; dkim=pass',
    f"{A_R}: (a comment) {ID}; dkim=pass",
    f"{A_R}: (nested (comment)) {ID} (another); dkim=pass",
    f"{A_R}: (quoted \\) pair) {ID}; dkim=pass",
    f"{A_R}: {ID}(comment); dkim=pass",
    f"{A_R}: {ID} 1; dkim=pass",
    f"{A_R}: {ID} 99 ; dkim=pass",
    f"{A_R}: {ID} (c) 1 (d); dkim=pass",
    f"{A_R}:\r\n {ID}; dkim=pass",
    f"{A_R}:\r\n\t\r\n {ID}\r\n ;\r\n dkim=pass",
    f"{A_R}: {ID}.; dkim=pass",
    f'{A_R}: "{ID}." 1; dkim=pass',
    f"{A_R}: {ID}",
    f"{A_R}: {ID};",
    f"{A_R}: {ID}; none",
    f"{A_R}: {ID}; spf=pass smtp.mailfrom=there.test",
    f"{A_R}: {ID}; x-what=ever policy.x=y",
    f"{A_R}: {ID} dkim=pass",
    f"{A_R}: {ID}, dkim=pass",
    f"{A_R}: {ID} == ;;; ((( dkim=pass",
    f'{A_R}: "{ID}; dkim=pass',
    f"{A_R}: (unclosed {ID}; dkim=pass",
    f"{A_R}: {ID}; dkim=pass (" + "x" * 5000 + ")",
    f"{A_R}: (" + "y" * 4500 + f") {ID}; dkim=pass",
    f"{A_R}: {ID};" + "".join(f"\r\n dkim=pass header.d=d{i}.test" for i in range(150)),
    f"{A_R}: =?utf-8?q?{ID}?=; dkim=pass",
]

# Each must come through octet for octet.
KEPT = [
    f"{A_R}: other.test; dkim=pass header.d=there.test",
    f"{A_R}: {ID}.evil.test; dkim=pass",
    f"{A_R}: x{ID}; dkim=pass",
    f"{A_R}: smtp.{ID}; dkim=pass",
    f"{A_R}: here.test; dkim=pass",
    f"{A_R}: other.test (not {ID}); dkim=pass",
    f"{A_R}: other.test; dkim=pass header.d={ID}",
    f"{A_R}-X: {ID}; dkim=pass",
    f"X-{A_R}: {ID}; dkim=pass",
    f"Original-{A_R}: {ID}; dkim=pass",
    f"ARC-{A_R}: i=1; {ID}; dkim=pass",
    f"Authentication-Result: {ID}; dkim=pass",
    f"Subject: {A_R}: {ID}; dkim=pass",
    f"X-Odd  :\t {A_R}:\r\n\t{ID}; dkim=pass  ",
    f"Received: from a\r\n by {ID};\r\n\tMon, 01 Jan 2024 00:00:00 +0000",
]


def text_of(fields):
    return "".join(field + "\r\n" for field in fields).encode() + MAIL


def every_spelling_is_removed():
    assert len(FORGED) >= 25
    for forged in FORGED:
        assert through(CLIENT, text_of([forged]))[0] == 250, forged
        rest = without_ours(SERVER.complete()[-1].content)
        assert rest == MAIL, (forged, rest[:300])


def look_alikes_stay():
    for kept in KEPT:
        assert through(CLIENT, text_of([kept]))[0] == 250, kept
        assert without_ours(SERVER.complete()[-1].content) == text_of([kept]), kept


def any_mixture_leaves_exactly_the_others():
    generator = random.Random(1)
    for _ in range(40):
        fields = generator.choices(FORGED[:26], k=generator.randrange(8)) + generator.sample(KEPT, k=6)
        generator.shuffle(fields)
        assert through(CLIENT, text_of(fields))[0] == 250
        wanted = text_of([field for field in fields if field in KEPT])
        assert without_ours(SERVER.complete()[-1].content) == wanted, fields
    assert through(CLIENT, text_of([FORGED[0]] * 50))[0] == 250  # fifty copies
    assert without_ours(SERVER.complete()[-1].content) == MAIL


def u_labels_are_ours_too():
    server, where = smtp_downstream()
    proxy = Proxy({"in": ("smtp", where, "")}, name="idn", authserv_id="xn--bcher-kva.test")
    client = proxy.client("in")
    for name in ("b\u00fccher.test", "B\u00dcCHER.test", '"b\u00fccher.test"', "bu\u0308cher.test", "XN--BCHER-KVA.test."):
        assert through(client, text_of([f"{A_R}: {name}; dkim=pass"]))[0] == 250
        got = server.complete()[-1].content
        assert got.startswith(f"{A_R}: xn--bcher-kva.test;".encode()) and got.count(A_R.encode()) == 1, (name, got[:300])
        assert got.endswith(b"\r\n" + MAIL)
    assert proxy.stop() == 0, proxy.log_text()


def random_messages_come_through_unchanged():
    generator = random.Random(2)
    for _ in range(60):
        lines = []
        for _ in range(generator.randrange(60)):
            line = bytes(generator.choices(b"\t .ab=\xe9\xff\x01\x7f", k=generator.randrange(100)))
            lines.append(generator.choice([b"", b".", b"..", b". "]) + line)
        text = MAIL + b"".join(line + b"\r\n" for line in lines)
        assert through(CLIENT, text)[0] == 250
        assert without_ours(SERVER.complete()[-1].content) == text


def odd_shapes_come_through():
    for text in (b"", b"\r\n", b"\r\n\r\n", b"\r\nbody only\r\n", b"no header at all\r\n", b"From: a@there.test\r\n", b"X:\r\n\r\n.\r\n",
                 b"From: a@there.test\r\nno colon here\r\nTo: b\r\n\r\nbody\r\n", b".\r\n", b"..\r\n.a\r\n", b": x\r\n\r\n"):
        code, texts = through(CLIENT, text)
        assert code == 250, (text, code, texts)
        assert without_ours(SERVER.complete()[-1].content) == text, text


def a_folded_first_line_never_joins_our_field():
    text = b" dkim=pass header.d=there.test\r\nFrom: a@there.test\r\n\r\nbody\r\n"
    assert through(CLIENT, text)[0] == 250
    got = SERVER.complete()[-1].content
    assert got.endswith(text)
    added = got[:-len(text)]
    notice = added[OURS.match(added).end():]
    assert notice.startswith(b"X-Sceau-Notice: ") and notice.count(b"\r\n") == 1, got
    assert "header.d" not in house.field(got)[0]


def it_ends_well():
    assert PROXY.stop() == 0, PROXY.log_text()


SERVER, WHERE = smtp_downstream()
PROXY = Proxy({"in": ("smtp", WHERE, "")}, name="forged")
CLIENT = PROXY.client("in")

if __name__ == "__main__":
    house.main(every_spelling_is_removed, look_alikes_stay, any_mixture_leaves_exactly_the_others, u_labels_are_ours_too,
               random_messages_come_through_unchanged, odd_shapes_come_through, a_folded_first_line_never_joins_our_field, it_ends_well)
