"""Messages and questions that mean harm, put to the tester by mail and by the API: script in every field, octets that turn or
hide text, NULs, a thousand parts, a thousand fields, ten megabytes, signatures that cost the most. Each gets a report that is
valid JSON, in bounded time and memory, and mail goes on meanwhile."""
import json
import random
import socket
import time
import urllib.error
import urllib.request

import house

try:
    import dkim  # noqa: F401 (house.signed wants it)
except ImportError as missing:
    house.skip(f"{missing.name} is not installed")

CONF = """
authserv_id = "mx.here.test"
listener "mail" { protocol = "smtp" listen = "127.0.0.1:{smtp}" downstream = "maildir:{folder}/Maildir" }
listener "tests" { protocol = "smtp" listen = "127.0.0.1:{lmtp}" downstream = "tester" line_ends = "pass" }
dns { mode = "zones" zone_files = { "%s" } }
http { listen = "127.0.0.1:{http}" }
tester { enabled = true domain = "tests.here.test" memory = 64MiB tests_per_minute = 10000 dns_per_minute = 100000 dns_per_minute_total = 100000 }
"""
SCRIPT = '"><script>alert(1)</script>'
state = {}


def ask(method, path, body=None, want=200, **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{state['daemon'].http}{path}", data=body, method=method,
                                     headers={"Content-Type": "message/rfc822", **headers})
    try:
        with urllib.request.urlopen(request, timeout=120 * house.SLOW) as answer:
            status, text, fields = answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        status, text, fields = error.code, error.read(), error.headers
    assert status == want, (method, path, status, text[:300])
    if text:
        assert fields["X-Content-Type-Options"] == "nosniff" and "json" in fields["Content-Type"], fields
        assert "default-src 'none'" in fields["Content-Security-Policy"], fields
    return json.loads(text) if text else None


def by_mail(text, want=250):
    """The report of a message that came by SMTP, its octets as they are but for dots."""
    token = ask("POST", "/api/v1/tests", b"", 201)["token"]
    with socket.create_connection(("127.0.0.1", state["daemon"].lmtp), timeout=120 * house.SLOW) as client:
        file = client.makefile("rwb")
        for line in (None, b"EHLO evil.test", b"MAIL FROM:<a@evil.test>", f"RCPT TO:<{token}@tests.here.test>".encode(), b"DATA"):
            if line is not None:
                file.write(line + b"\r\n")
                file.flush()
            reply = file.readline()
            while reply[3:4] == b"-":
                reply = file.readline()
        assert reply[:3] == b"354", reply
        file.write(text.replace(b"\r\n.", b"\r\n.."))
        file.write((b"" if text.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        file.flush()
        reply = file.readline()
        assert int(reply[:3]) == want, reply
    if want != 250:
        return None

    def done():
        reports = ask("GET", "/api/v1/tests/" + token)["reports"]
        return reports[0] if reports else None
    return house.wait_for(done, "report", 60)


def both_ways(text):
    """The reports by mail and by the API, and how long they took together."""
    begun = time.monotonic()
    reports = by_mail(text), ask("POST", "/api/v1/verify", text)
    return (*reports, time.monotonic() - begun)


def sign(text, more=b""):
    return more + house.signed(text, "good.here.test", "s1", state["pem"])


def test_script_everywhere():
    text = house.message("good.here.test", subject=SCRIPT, body=SCRIPT + "\r\n" * 3, more=f"X-{SCRIPT}: x\r\nReceived: from {SCRIPT} by {SCRIPT} with {SCRIPT}; now\r\n")
    text = b"DKIM-Signature: v=1; a=%s; d=%s; s=%s; h=from; bh=%s; b=%s\r\n" % ((SCRIPT.encode(),) * 5) + sign(text)
    mailed, posted, _ = both_ways(text.replace(b"Subject: ", "Subject: \u202e\u2066".encode()))
    for report in (mailed, posted):
        assert SCRIPT in report["message"]["subject"]["text"], report["message"]
        assert len(report["dkim"]) == 2 and report["dkim"][0]["result"] in ("permerror", "neutral"), report["dkim"]


def test_octets_of_all_kinds():
    rng = random.Random(6376)
    noise = bytes(rng.randrange(256) for _ in range(20000)).replace(b"\r", b"r").replace(b"\n", b"n")
    text = sign(house.message("good.here.test")) + b"\x00\x00 nothing\x00 " + noise + b"\r\n bare\rone\ntwo\n\r\n"
    mailed, posted, _ = both_ways(text)
    assert mailed["dkim"][0]["body_part"] == posted["dkim"][0]["body_part"] == "changed"
    assert mailed["dkim"][0]["header_part"] == "intact", mailed["dkim"]
    header = b"\x00\xff\xfe: \x00\r\nFrom: a@b.test\r\nSub\x00ject: \xe2\x80\xae\r\n" + noise[:900] + b"\r\n\r\nx\r\n"
    both_ways(header)
    for other in (b"\r\n", b"\x00", b"\n" * 5000, b":" * 3000, b"\r\n.\r\n.x\r\n", noise):
        ask("POST", "/api/v1/verify", other)
        ask("POST", "/api/v1/verify?part=headers", other)


def test_a_thousand_parts():
    parts = "".join(f"--b\r\nContent-Type: text/plain; charset=latin1\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n" for _ in range(1000))
    text = house.message("good.here.test", body=parts + "--b--\r\n", more='Content-Type: multipart/mixed; boundary="b"\r\n')
    nested = "".join(f'Content-Type: multipart/mixed; boundary="{i}"\r\n\r\n--{i}\r\n' for i in range(1000))
    for one in (sign(text) + b"-- \r\nfooter\r\n", sign(house.message("good.here.test", body="x\r\n", more=nested[:nested.index(chr(13))] + "\r\n")) + nested.encode()):
        mailed, posted, seconds = both_ways(one)
        assert mailed["dkim"][0]["body_part"] == "changed"
        print(f"{len(one)} octets: {seconds:.2f} s", flush=True)


def test_many_signatures():
    field = sign(house.message("good.here.test"))
    field = field[:field.index(b"From: ")]
    text = field * 200 + house.message("good.here.test", body="other\r\n" * 3000)
    mailed, posted, seconds = both_ways(text)
    assert len(posted["signatures"]) == 32 and len(posted["records"]) == 1, len(posted["signatures"])
    print(f"200 signatures: {seconds:.2f} s", flush=True)
    other = b"".join(field.replace(b"good.here.test", b"d%d.here.test" % i) for i in range(32))
    report = ask("POST", "/api/v1/verify", other + house.message("good.here.test"))
    assert len(report["records"]) == 4


def test_too_many_fields():
    text = b"X: y\r\n" * 1001 + b"From: a@b.test\r\n\r\nx\r\n"
    by_mail(text, want=552)
    report = ask("POST", "/api/v1/verify", text)
    assert report["message"]["refused"] == "more header fields than the limit" and report["signatures"] == [], report
    text = b"From: a@good.here.test\r\nX: " + b"y" * 70000 + b"\r\n\r\nx\r\n"
    assert ask("POST", "/api/v1/verify", text)["message"]["refused"] == "header field larger than its limit"


def test_ten_megabytes():
    body = ("All work and no play makes Jack a dull boy.\r\n" * 300000)[:10 * 1000 * 1000]
    text = sign(house.message("good.here.test", body=body + "\r\n")) + b"footer\r\n"
    begun = time.monotonic()
    mailed, posted, seconds = both_ways(text)
    assert mailed["message"]["octets"] == len(text) and mailed["signatures"][0]["canonical_body"]["cut"] is True
    assert len(json.dumps(mailed)) < 200000
    print(f"{len(text)} octets: {seconds:.2f} s", flush=True)
    for _ in range(8):  # more than the tester's memory: what is oldest gives way, nobody is turned away for ever
        ask("POST", "/api/v1/verify", text[:9 << 20])
    assert state["daemon"].send(house.message("there.test"))[0] == 250 and time.monotonic() - begun < 120 * house.SLOW


def test_paths_and_questions():
    for path in ("/api/v1/tests/..%2f..%2fetc", "/api/v1/tests/%00", "/api/v1/tests/" + "a" * 3000, "/api/v1/shared/<script>",
                 "/api/v1/tests/" + "l" * 16):
        ask("GET", path.replace("<", "%3C").replace(">", "%3E"), want=404)
    for path in ("/api/v1/dkim/a%20b/c", "/api/v1/dkim/localhost/s", "/api/v1/dkim/x.test/%22%3E", "/api/v1/dkim/" + "a." * 200 + "test/s",
                 "/api/v1/dkim/x.test?selectors=" + ",".join("abcdefghi"), "/api/v1/dkim/x.test?selectors=,"):
        ask("GET", path, want=400)
    judged = ask("POST", "/api/v1/record", (SCRIPT + "; p=" + SCRIPT).encode())
    assert judged["usable"] is False
    ask("POST", "/api/v1/record", b"v=DKIM1; " + b"x=1;" * 10000)
    with socket.create_connection(("127.0.0.1", state["daemon"].http)) as half:  # a body that never comes
        half.sendall(b"POST /api/v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nFrom")
    assert state["daemon"].get("/healthz")[0] == 200


def test_bodies_that_never_end():
    """Many uploads that stop before their end take a bounded share of memory, and others still get through."""
    piece, halves = b"a" * ((10 << 20) - 1000), []
    for number in range(12):
        half = socket.socket()
        half.bind((f"127.0.2.{1 + number}", 0))
        half.settimeout(60 * house.SLOW)
        half.connect(("127.0.0.1", state["daemon"].http))
        try:
            half.sendall(b"POST /api/v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (10 << 20) + piece)
        except OSError:  # hung up on
            pass
        halves.append(half)
    ask("GET", "/api/v1/dkim/good.here.test/s1")
    with open(f"/proc/{state['daemon'].process.pid}/status", encoding="ascii") as file:
        octets = 1024 * int(dict(line.split(":", 1) for line in file)["VmRSS"].split()[0])
    print(f"{octets >> 20} MiB resident", flush=True)
    assert house.SLOW > 1 or octets < 320 << 20, octets
    for half in halves:
        half.close()

    def gets_through():
        try:
            return ask("POST", "/api/v1/verify", b"From: a@b.test\r\n\r\n")
        except OSError:  # hung up on while the others are still there
            return None
    house.wait_for(gets_through, "room for others")


pem, record = house.make_key("first")
state["pem"] = pem
zone = house.put("zone", house.zone_text("here.test", f"s1._domainkey.good TXT {house.txt(record)}\n"))
state["daemon"] = house.Daemon(CONF % zone)
house.main(test_script_everywhere, test_octets_of_all_kinds, test_a_thousand_parts, test_many_signatures, test_too_many_fields,
           test_ten_megabytes, test_paths_and_questions, test_bodies_that_never_end)
assert state["daemon"].stop() == 0
