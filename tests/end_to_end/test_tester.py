"""The tester end to end: a test is opened by the API, signed mail comes by SMTP from a program that is not ours, events
arrive live, the report names what was done to the message; it is shared, masked, and deleted. Questions about key records,
caps, other sites' pages, other recipients."""
import http.client
import json
import signal
import smtplib
import threading
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
listener "relayed" { protocol = "lmtp" listen = "127.0.0.1:%d" downstream = "tester" trust = { "127.0.0.1" } }
dns { mode = "zones" zone_files = { "%s" } }
http { listen = "127.0.0.1:{http}" }
tester { enabled = true domain = "tests.here.test" base_url = "https://tester.here.test" listen = "127.0.0.1:%d"
         tests_per_minute = %d dns_per_minute = 10000 recall = %s }
"""
ALPHABET = set("0123456789abcdefghjkmnpqrstvwxyz")
state = {}



class Site:
    def __init__(self, zone, tests_per_minute=1000, recall="false"):
        self.own, self.lmtp = house.free_port(), house.free_port()
        self.daemon = house.Daemon(CONF % (self.lmtp, zone, self.own, tests_per_minute, recall))
        self.smtp = self.daemon.lmtp

    def ask(self, method, path, body=None, want=200, **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{self.own}{path}", data=body, method=method,
                                         headers={key.replace("_", "-"): value for key, value in headers.items()})
        try:
            with urllib.request.urlopen(request, timeout=60 * house.SLOW) as answer:
                status, text, self.fields = answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            status, text, self.fields = error.code, error.read(), error.headers
        assert status == want, (method, path, status, text[:500])
        return json.loads(text) if text else None

    def open(self):
        return self.ask("POST", "/api/v1/tests", b"", want=201)

    def mail(self, address, text, sender="jane@good.here.test"):
        """The reply to the last command, from MAIL on."""
        with smtplib.SMTP("127.0.0.1", self.smtp, local_hostname="client.test", timeout=60 * house.SLOW) as client:
            client.ehlo()
            client.mail(sender)
            reply = client.rcpt(address)
            return client.data(text) if reply[0] == 250 else reply

    def report(self, token, count=1):
        def done():
            test = self.ask("GET", f"/api/v1/tests/{token}")
            return test if len(test["reports"]) >= count else None
        return house.wait_for(done, "report")


class Events(threading.Thread):
    """Reads a test's events until the stream ends, or as many as are wanted."""

    def __init__(self, port, token, after=None):
        super().__init__(daemon=True)
        self.events, self.ended = [], False
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60 * house.SLOW)
        self.connection.request("GET", f"/api/v1/tests/{token}/events", headers={"Last-Event-ID": str(after)} if after else {})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200 and self.answer.headers["Content-Type"] == "text/event-stream", self.answer.headers
        self.start()

    def run(self):
        event = {}
        for line in self.answer:
            key, _, value = line.decode().rstrip("\n").partition(": ")
            if key in ("id", "event", "data"):
                event[key] = value
            elif not key and event:
                self.events.append((event["event"], int(event["id"]), json.loads(event["data"])))
                event = {}
        self.ended = True

    def kinds(self):
        return [kind for kind, _, _ in self.events]

    def wait(self, kind, count=1):
        house.wait_for(lambda: self.kinds().count(kind) >= count, f"event {kind}: {self.kinds()}")


def ids(findings):
    return [finding["id"] for finding in findings]


def test_round_trip():
    site, pem = state["site"], state["pem"]
    ticket = site.open()
    token = ticket["token"]
    assert len(token) == 16 and set(token) <= ALPHABET, token
    assert ticket["address"] == token + "@tests.here.test" and ticket["url"] == "https://tester.here.test/t/" + token, ticket
    live = Events(site.own, token)
    text = house.signed(house.message("good.here.test"), "good.here.test", "s1", pem)
    code, reply = site.mail(ticket["address"], text)
    assert code == 250, (code, reply)
    live.wait("report")
    assert live.kinds() == ["received", "signature", "key", "header", "body", "spf", "dmarc", "report"], live.events
    by_kind = {kind: data for kind, _, data in live.events}
    assert by_kind["received"]["client"] == "127.0.0.1" and by_kind["received"]["octets"] == len(text), by_kind["received"]
    assert by_kind["signature"]["result"] == "pass" and by_kind["signature"]["domain"] == "good.here.test"
    assert by_kind["header"]["part"] == by_kind["body"]["part"] == "intact"
    # The second message has a footer; capitals in the address do not matter.
    code, reply = site.mail(token.upper() + "@TESTS.here.test", text + b"-- \r\nsent by a list\r\n")
    assert code == 250, (code, reply)
    live.wait("report", 2)
    test = site.report(token, 2)
    assert test["received"] == 2 and test["takes_mail"] is True and test["source"] == "mail"
    first, second = test["reports"]
    assert first["dkim"][0]["result"] == "pass" and first["findings"] == [], first["findings"]
    assert second["dkim"][0]["result"] == "fail"
    footer = [finding for finding in second["findings"] if finding["id"] == "B1"]
    assert len(footer) == 1 and footer[0]["class"] == "proved" and set(footer[0]["text"]) == {"fr", "en"}, second["findings"]
    assert footer[0]["evidence"]["received"].startswith("-- "), footer
    assert second["signatures"][0]["cause"] == "body_appended"
    assert [tag["name"] for tag in second["signatures"][0]["tags"]][:2] == ["v", "a"]
    assert second["signatures"][0]["canonical_body"]["text"].endswith("sent by a list\r\n")
    assert second["message"]["envelope"] == {"client": "127.0.0.1", "helo": "client.test", "mail_from": "jane@good.here.test",
                                             "tls": None}
    assert second["records"][0]["selectors"][0]["state"] == "set" and second["message"]["text"] is None
    # Somebody who comes later, or comes back, gets what there was.
    late, back = Events(site.own, token), Events(site.own, token, after=live.events[7][1])
    back.wait("report")
    late.wait("report", 2)
    assert late.kinds() == live.kinds() and back.events == live.events[8:]
    # A link to give away shows no local part.
    share = site.ask("POST", f"/api/v1/tests/{token}/share", b"")
    assert site.ask("POST", f"/api/v1/tests/{token}/share", b"") == share
    shared = site.ask("GET", "/api/v1/shared/" + share["share"])
    seen = json.dumps(shared)
    assert shared["token"] is None and token not in seen and shared["reports"][1]["masked"] is True
    assert "jane@" not in seen and "alice@" not in seen and "bob@" not in seen and "***@good.here.test" in seen
    assert site.ask("GET", "/api/v1/tests/" + share["share"], want=404)
    # Gone is gone.
    site.ask("DELETE", f"/api/v1/tests/{token}", want=204)
    live.wait("end")
    house.wait_for(lambda: live.ended and late.ended, "end of the streams")
    for path in ("tests/" + token, "shared/" + share["share"]):
        assert site.ask("GET", "/api/v1/" + path, want=404)["status"] == 404
    code, reply = site.mail(ticket["address"], text)
    assert code == 550 and reply.startswith(b"5.1.1"), (code, reply)


def test_addresses():
    site, pem = state["site"], state["pem"]
    token = site.open()["token"]
    text = house.signed(house.message("good.here.test"), "good.here.test", "s1", pem)
    for address in ("nobody@tests.here.test", token + "@here.test", token[:-1] + "@tests.here.test",
                    token + "x@tests.here.test", "postmaster@here.test"):
        code, reply = site.mail(address, text)
        assert code == 550 and reply.startswith(b"5.1.1"), (address, code, reply)
    with smtplib.SMTP("127.0.0.1", site.smtp, timeout=60 * house.SLOW) as client:
        client.ehlo("client.test")
        assert client.esmtp_features["size"] == str(10 << 20), client.esmtp_features
        client.mail("a@b.test")
        assert client.rcpt(token + "@tests.here.test")[0] == 250
        assert client.rcpt(site.open()["token"] + "@tests.here.test")[0] == 452  # a test is one message to one address
    for count in range(5):
        assert site.mail(token + "@tests.here.test", text)[0] == 250
    code, reply = site.mail(token + "@tests.here.test", text)
    assert code == 550, (code, reply)
    assert site.report(token, 5)["takes_mail"] is False
    over = Events(site.own, token)  # nothing more can come: the stream ends by itself
    over.wait("end")
    house.wait_for(lambda: over.ended, "end of the stream")
    # Mail to everybody else goes its way.
    assert site.daemon.send(text)[0] == 250


def test_verify():
    site, pem = state["site"], state["pem"]
    text = house.signed(house.message("good.here.test", subject="one two"), "good.here.test", "s1", pem)
    report = site.ask("POST", "/api/v1/verify", text, Content_Type="message/rfc822")
    assert report["dkim"][0]["result"] == "pass" and report["message"]["envelope"] is None and report["spf"] is None
    assert report["dmarc"]["result"] == "pass", report["dmarc"]
    report = site.ask("POST", "/api/v1/verify", text.replace(b"\r\n", b"\n"), Content_Type="text/plain")
    assert report["dkim"][0]["result"] == "pass"
    report = site.ask("POST", "/api/v1/verify", text.replace(b"one two", b"[list] one two"), Content_Type="message/rfc822")
    assert "H1" in ids(report["findings"]) and report["signatures"][0]["cause"] == "header_subject", report["findings"]
    header = text.split(b"\r\n\r\n")[0]
    report = site.ask("POST", "/api/v1/verify?part=headers", header, Content_Type="text/plain")
    assert report["message"]["part"] == "headers" and report["dkim"][0]["header_part"] == "intact", report["dkim"]
    flat = b"\n".join(line.strip() for line in header.split(b"\n"))
    report = site.ask("POST", "/api/v1/verify?part=headers", flat, Content_Type="text/plain")
    assert report["message"]["repaired"] is True and "H18" in ids(report["findings"]), report
    site.ask("POST", "/api/v1/verify", text, want=415, Content_Type="text/html")
    site.ask("POST", "/api/v1/verify?part=tail", text, want=400, Content_Type="text/plain")
    site.ask("POST", "/api/v1/verify", b"", want=400, Content_Type="text/plain")
    large = http.client.HTTPConnection("127.0.0.1", site.own, timeout=60 * house.SLOW)
    large.putrequest("POST", "/api/v1/verify")
    large.putheader("Content-Length", str((10 << 20) + 1))
    large.endheaders()  # it is refused before it is sent
    assert large.getresponse().status == 413


def test_records():
    site = state["site"]
    one = site.ask("GET", "/api/v1/dkim/good.here.test/s1")
    assert one["selectors"][0]["state"] == "set" and one["selectors"][0]["key"]["bits"] == 2048, one
    missing = site.ask("GET", "/api/v1/dkim/good.here.test/s9")
    assert missing["selectors"][0]["state"] == "toSet", missing
    pair = site.ask("GET", "/api/v1/dkim/good.here.test?selectors=sel-selector1,sel-selector2")
    assert len(pair["selectors"]) == 2 and pair["pair"] is not None, pair
    alone = site.ask("GET", "/api/v1/dkim/good.here.test")
    assert alone["selectors"] == [] and alone["spf"]["state"] == "valid", alone
    site.ask("GET", "/api/v1/dkim/bad..name/s1", want=400)
    judged = site.ask("POST", "/api/v1/record", b"v=DKIM1; k=rsa; p=", Content_Type="text/plain")
    assert "T-p2" in ids(judged["findings"]) and judged["usable"] is False, judged
    site.ask("POST", "/api/v1/record", b"", want=400)


def test_other_sites():
    """A page of another site must not make anybody's browser do anything here."""
    site = state["site"]
    for headers in ({"Origin": "https://evil.test"}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"},
                    {"Origin": "null"}):
        site.ask("POST", "/api/v1/tests", b"", want=403, **headers)
    site.ask("POST", "/api/v1/tests", b"", want=201, Origin=f"http://127.0.0.1:{site.own}")
    site.ask("POST", "/api/v1/tests", b"", want=201, Sec_Fetch_Site="same-origin", Origin="https://tester.here.test")
    site.ask("GET", "/metrics", want=404)  # the tester's own listener serves nothing else
    assert site.daemon.metric('sceau_tester_tests_total{source="mail"}') >= 4
    assert site.daemon.metric('sceau_tester_tests_total{source="api"}') >= 8
    house.wait_for(lambda: site.daemon.metric("sceau_tester_live_subscribers") == 0, "no subscriber any more")


def test_caps():
    site = Site(state["zone"], tests_per_minute=3)
    for _ in range(3):
        site.open()
    for method, path, body in (("POST", "/api/v1/tests", b""), ("POST", "/api/v1/verify", b"From: a@b.test\r\n\r\n"),
                               ("GET", "/api/v1/dkim/good.here.test/s1", None)):
        site.ask(method, path, body, want=429, Content_Type="text/plain")
        assert 1 <= int(site.fields["Retry-After"]) <= 60, site.fields
    site.daemon.stop()


def test_streams_of_one_client():
    token = state["site"].open()["token"]
    live = [Events(state["site"].own, token) for _ in range(8)]
    state["site"].ask("GET", f"/api/v1/tests/{token}/events", want=429)
    state["site"].ask("DELETE", f"/api/v1/tests/{token}", want=204)
    for one in live:
        one.wait("end")
    state["site"].ask("GET", f"/api/v1/tests/{token}/events", want=404)


def test_by_lmtp_through_a_relay():
    """A relay of ours says with XFORWARD whom the message came from: SPF is judged for him."""
    site = state["site"]
    token = site.open()["token"]
    text = house.signed(house.message("good.here.test"), "good.here.test", "s1", state["pem"])
    with smtplib.LMTP("127.0.0.1", site.lmtp, timeout=60 * house.SLOW) as client:
        client.ehlo("relay.test")
        assert client.docmd("XFORWARD ADDR=192.0.2.7 HELO=client.test PROTO=ESMTP")[0] == 250
        client.mail("jane@good.here.test")
        assert client.rcpt(token + "@tests.here.test")[0] == 250
        assert client.data(text)[0] == 250
    report = site.report(token)["reports"][0]
    assert report["message"]["envelope"]["client"] == "192.0.2.7" and report["message"]["envelope"]["helo"] == "client.test"
    assert [one["result"] for one in report["spf"] if one["scope"] == "mfrom"] == ["fail"], report["spf"]


def test_a_reload_brings_new_keys():
    site = state["site"]
    pem, record = house.make_key("second")
    text = house.signed(house.message("late.here.test"), "late.here.test", "s1", pem)
    before = site.ask("POST", "/api/v1/verify", text, Content_Type="message/rfc822")
    assert before["dkim"][0]["code"] == "key_missing", before["dkim"]
    live = Events(site.own, site.open()["token"])
    with open(state["zone"], "a", encoding="ascii") as zone:
        zone.write(f"s1._domainkey.late TXT {house.txt(record)}\n")
    site.daemon.process.send_signal(signal.SIGHUP)
    house.wait_for(lambda: "event=reload" in site.daemon.log_text(), "reload")
    after = site.ask("POST", "/api/v1/verify", text, Content_Type="message/rfc822")
    assert after["dkim"][0]["result"] == "pass", after["dkim"]
    assert not live.ended


def test_it_begins_with_a_restart_only():
    plain = CONF[:CONF.index('listener "tests"')] + CONF[CONF.index("dns {"):CONF.index("tester {")]
    daemon = house.Daemon(plain % state["zone"], "plain")
    daemon.configure(CONF % (house.free_port(), state["zone"], house.free_port(), 10, "false"))
    daemon.process.send_signal(signal.SIGHUP)
    line = house.wait_for(lambda: [line for line in daemon.log_text().splitlines() if "event=reload" in line], "reload")[0]
    assert "begins with a restart only" in line, line
    assert daemon.send(house.message("there.test"))[0] == 250
    with urllib.request.urlopen(f"http://127.0.0.1:{daemon.http}/api/v1/version") as answer:
        assert answer.status == 200
    assert daemon.get("/api/v1/dkim/good.here.test/s1")[0] == 404  # switched off
    assert daemon.stop() == 0


def test_what_was_seen_before():
    """Keys that signed before, and selectors that are in use, are remembered by the statistics of the filter; what is known of
    others' mail is told to everybody only where that is wanted."""
    old, other, new = (house.make_key(name) for name in ("old", "other", "new"))
    by_old, by_other = (house.signed(house.message("d.here.test"), "d.here.test", selector, pem)
                        for selector, pem in (("s1", old[0]), ("s2", other[0])))

    def zone(first, second):
        return house.put("zone.seen", house.zone_text("here.test", "".join(
            f"{selector}._domainkey.d TXT {house.txt(record)}\n" for selector, record in (("s1", first), ("s2", second)) if record)))

    for recall in ("true", "false"):
        site = Site(zone(old[1], other[1]), recall=recall)
        for text in (by_old, by_old, by_other):
            assert site.daemon.send(text)[0] == 250
        zone(new[1], "")
        reloads = site.daemon.log_text().count("event=reload")
        site.daemon.process.send_signal(signal.SIGHUP)
        house.wait_for(lambda: site.daemon.log_text().count("event=reload") > reloads, "reload")
        token = site.open()["token"]
        assert site.mail(token + "@tests.here.test", by_old)[0] == 250
        findings = site.report(token)["reports"][0]["findings"]
        older = [finding["class"] for finding in findings if finding["id"] == "S19"]
        assert older == (["guess"] if recall == "true" else []) and "S17" in ids(findings), findings
        # The other selector is gone though mail was signed with it today.
        report = site.ask("GET", "/api/v1/dkim/d.here.test?selectors=s1,s2")
        assert ("rotation-early" in ids(report["findings"])) == (recall == "true"), report["findings"]
        alone = site.ask("GET", "/api/v1/dkim/d.here.test")
        assert {one["selector"] for one in alone["selectors"]} == ({"s1", "s2"} if recall == "true" else set()), alone["selectors"]
        assert site.daemon.stop() == 0


def start():
    pem, record = house.make_key("first")
    rows = f"s1._domainkey.good TXT {house.txt(record)}\n"
    rows += "".join(f"sel-selector{i}._domainkey.good TXT {house.txt(record)}\n" for i in (1, 2))
    rows += '_dmarc.good TXT "v=DMARC1; p=none"\ngood TXT "v=spf1 ip4:127.0.0.1 -all"\n'
    state["pem"], state["zone"] = pem, house.put("zone", house.zone_text("here.test", rows))
    state["site"] = Site(state["zone"])


start()
house.main(test_round_trip, test_addresses, test_verify, test_records, test_other_sites, test_streams_of_one_client, test_caps,
           test_by_lmtp_through_a_relay, test_a_reload_brings_new_keys, test_it_begins_with_a_restart_only, test_what_was_seen_before)
left = Events(state["site"].own, state["site"].open()["token"])  # whoever watches is let go, and does not hold up the end
assert state["site"].daemon.stop() == 0
