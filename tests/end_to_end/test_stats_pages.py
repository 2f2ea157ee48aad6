"""The pages of the statistics, looked at with Chromium: 200 domains of generated traffic through the real daemon, both languages,
both colour schemes, narrow and wide, with scripts switched off; axe-core finds nothing against them. Screenshots are kept."""
import base64
import hashlib
import json
import random
import socket
import urllib.error
import urllib.request

import browser
import house

DOMAINS = 200
CONF = """
authserv_id = "mx.here.test"
listener "smtp" { protocol = "smtp" listen = "127.0.0.1:{smtp}" downstream = "maildir:{folder}/Maildir" }
dns { mode = "zones" zone_files = { "%s" } }
http { listen = "127.0.0.1:{http}" domains = 100 }
"""
try:
    import dkim  # noqa: F401 (house.signed wants it)
except ImportError:
    house.skip("python3-dkim is not installed")
BODY = b"Hello\r\n"
HASH = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
state = {}


def send_all(port, messages):
    with socket.create_connection(("127.0.0.1", port), timeout=60 * house.SLOW) as server:
        replies = server.makefile("rb")

        def expect(code):
            line = replies.readline()
            while line[3:4] == b"-":
                line = replies.readline()
            assert line[:3] == code, line

        expect(b"220")
        server.sendall(b"EHLO sender.test\r\n")
        expect(b"250")
        for text in messages:
            server.sendall(b"MAIL FROM:<a@there.test>\r\nRCPT TO:<b@here.test>\r\nDATA\r\n")
            for code in (b"250", b"250", b"354"):
                expect(code)
            server.sendall(text + b".\r\n")
            expect(b"250")


def messages(pem):
    """Of each domain some: most broken ones are not signed by anybody, only look so."""
    chance = random.Random(7)
    for i in range(DOMAINS):
        domain = f"domain-{i}.here.test"
        if i < 12:
            selector = "old" if i % 4 == 1 else "new"
            text = house.signed(house.message(domain), domain, selector, pem)
            yield from [text] * (40 - 3 * i)
            yield from [text.replace(b"Hello", b"Hullo")] * (3 * i)
        for _ in range(1 + int(chance.paretovariate(1.2)) % 20):
            selector = chance.choice(("new", "new", "old", "revoked"))
            yield (f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s={selector}; h=from;\r\n bh={HASH}; b=AAAA\r\n"
                   f"From: a@{domain}\r\n\r\n").encode() + BODY
    yield b"DKIM-Signature: v=1; a=rsa-sha256; d=missing.test; s=x; h=from; bh=AAAA; b=AAAA\r\nFrom: a@missing.test\r\n\r\n" + BODY


def start():
    pem, record = house.make_key()
    testing = house.txt(record.replace("k=rsa;", "k=rsa; t=y;"))
    lines = []
    for i in range(DOMAINS):
        lines += [f"new._domainkey.domain-{i} TXT {house.txt(record)}", f"old._domainkey.domain-{i} TXT {testing}",
                  f'revoked._domainkey.domain-{i} TXT "v=DKIM1; p="']
    zone = house.put("zone", house.zone_text("here.test", "\n".join(lines) + "\n"))
    state["daemon"] = house.Daemon(CONF % zone)
    send_all(state["daemon"].smtp, list(messages(pem)))
    state["browser"], state["axe"] = browser.Browser(), browser.axe_core()
    if state["axe"] is None:
        print("axe-core could not be had from npm: left out")


def get(path, **fields):
    """(status, header fields, text), redirects followed no further than one look."""
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None
    opener = urllib.request.build_opener(Stay)
    request = urllib.request.Request(f"http://127.0.0.1:{state['daemon'].http}{path}", headers={k.replace("_", "-"): v for k, v in fields.items()})
    try:
        with opener.open(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def pages_look_well_in_every_way():
    chromium = state["browser"]
    pages = {"stats": "stats", "domain": "stats/domain-3.here.test?window=1h"}
    for language in ("fr", "en") if house.SLOW == 1 else ("fr",):
        for name, page in pages.items():
            for width in (320, 1280):
                for dark in (False, True):
                    chromium.look(width, dark)
                    chromium.open(f"http://127.0.0.1:{state['daemon'].http}/{language}/{page}")
                    assert not chromium.is_too_wide(), (page, width)
                    kind = f"{name}-{language}-{'dark' if dark else 'light'}-{width}"
                    chromium.screenshot(kind)
                    if state["axe"] and dark == (language == "fr"):
                        found = chromium.violations(state["axe"])
                        assert not found, (kind, found)
    assert not chromium.complaints(), chromium.complaints()


def everything_can_be_reached_with_scripts_off():
    chromium = state["browser"]
    chromium.look()
    chromium.allow_scripts(False)
    chromium.open(f"http://127.0.0.1:{state['daemon'].http}/stats")
    assert chromium.address().endswith("/en/stats"), chromium.address()
    chromium.click("a[hreflang=fr]")
    assert chromium.text("h1") == "Domaines signataires"
    chromium.click("a[href*='sort=fail']")
    chromium.click("a[href*='window=7d']")
    assert "window=7d" in chromium.address() and "sort=fail" in chromium.address(), chromium.address()
    first = chromium.text("tbody tr:nth-child(2) th")
    chromium.click("a[rel=next]")
    assert "cursor=" in chromium.address() and chromium.text("tbody tr:nth-child(1) th") != first
    chromium.click("tbody tr:nth-child(1) th a")
    assert ".here.test" in chromium.text("h1") and "Sélecteurs et clés" in chromium.text("main")
    chromium.click("a[hreflang=en]")
    assert "Selectors and keys" in chromium.text("main")
    chromium.allow_scripts(True)


def numbers_are_those_of_the_api():
    chromium = state["browser"]
    rows = []
    address = f"http://127.0.0.1:{state['daemon'].http}/en/stats?window=1h"
    while address:
        chromium.open(address)
        rows += chromium.run("return [...document.querySelectorAll('table.wide tbody tr:not(.sum)')].map(r => [...r.children].map(c => c.innerText))")
        address = chromium.run("return document.querySelector('a[rel=next]')?.href")
    status, _, text = get("/api/v1/stats/domains?window=1h&limit=1000")
    want = {row["domain"]: (row["messages"], row["fail"], row["other"]) for row in json.loads(text)["domains"]}
    assert status == 200 and len(want) == DOMAINS
    assert {row[0]: (int(row[1]), int(row[3]), int(row[4])) for row in rows} == want
    _, _, csv = get("/stats.csv?window=1h")
    lines = [line.split(",") for line in csv.split("\r\n")[1:-1]]
    assert {line[0]: (int(line[1]), int(line[3]), int(line[4])) for line in lines if line[0] != "other"} == want
    chromium.open(f"http://127.0.0.1:{state['daemon'].http}/en/stats/domain-0.here.test")
    told = chromium.text("main")
    assert "RSA, 2048 bits" in told, told
    chromium.open(f"http://127.0.0.1:{state['daemon'].http}/en/stats/domain-1.here.test")
    assert "a key in test mode (t=y) signs" in chromium.text("main")


def odd_questions_get_a_page_that_says_so():
    for path, status, word in (("/fr/stats?window=2h", 400, "demande quelque chose"), ("/en/stats?cursor=%3Cscript%3E", 400, "is not there"),
                               ("/fr/stats/nowhere.test", 404, "nowhere.test"), ("/en/stats/%3Cscript%3Ealert(1)%3C%2Fscript%3E", 404, "&lt;script&gt;"),
                               ("/en/stats?refresh=0", 400, "is not there")):
        got, fields, text = get(path)
        assert got == status and word in text and "<script" not in text, (path, got, text[:2000])
        assert fields["Content-Security-Policy"].startswith("default-src 'none'") and "unsafe" not in fields["Content-Security-Policy"]
    status, fields, _ = get("/stats", Accept_Language="fr-CH, fr;q=0.9, en;q=0.8")
    assert status == 302 and fields["Location"] == "/fr/stats" and "Accept-Language" in fields["Vary"], fields
    assert get("/stats", Accept_Language="de, en;q=0.3")[1]["Location"] == "/en/stats"
    _, fields, text = get("/en/stats?refresh=60")
    assert '<meta http-equiv="refresh" content="60">' in text
    _, fields, text = get("/en/stats", Accept_Encoding="gzip")
    assert int(fields["Content-Length"]) < 30000, fields["Content-Length"]


if __name__ == "__main__":
    start()
    try:
        house.main(pages_look_well_in_every_way, everything_can_be_reached_with_scripts_off, numbers_are_those_of_the_api,
                   odd_questions_get_a_page_that_says_so)
    finally:
        state["browser"].close()
