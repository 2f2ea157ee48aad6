"""A real Prometheus, and what we ship for it: rules, dashboard and both forms of /metrics are read by the tools of others; then
Prometheus scrapes two sceauds under load (SCEAU_PROMETHEUS_SECONDS, 6 by default), a domain that begins to fail raises its alert
and ends it, and Prometheus' own API tells exactly what was sent, by result and by domain."""
import collections
import hashlib
import http.client
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import house

SECONDS = float(os.environ.get("SCEAU_PROMETHEUS_SECONDS", "6"))
PACKAGING = os.path.join(house.SOURCE, "packaging")
RULES = os.path.join(PACKAGING, "prometheus", "sceau.rules.yml")
RATE = 20  # messages a second and sender

CONF = """
authserv_id = "mx.here.test"
listener "smtp" { protocol = "smtp" listen = "127.0.0.1:{smtp}" downstream = "maildir:{folder}/Maildir" }
dns { mode = "zones" zone_files = { "%s" } }
http { listen = "127.0.0.1:{http}" access_file = "%s" }
log { events = "{folder}/events" }
"""
TOKEN = "a token for the test"
DOMAINS = 12


def promtool(*arguments, stdin=None):
    done = subprocess.run(["promtool", *arguments], input=stdin, capture_output=True, timeout=60 * house.SLOW)
    text = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, text
    return " ".join(text.split())


def page(daemon, accept="text/plain"):
    request = urllib.request.Request(f"http://127.0.0.1:{daemon.http}/metrics", headers={"Accept": accept, "Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


# -- the two daemons -----------------------------------------------------------------------------------------------------

def make_mail():
    """{(domain, result): octets}, and the zone file."""
    pem, record = house.make_key()
    zone = house.put("zone", house.zone_text("test", "".join(f"sel._domainkey.d{i} TXT {house.txt(record)}\n" for i in range(DOMAINS))))
    mail = {}
    for i in range(DOMAINS):
        good = house.signed(house.message(f"d{i}.test"), f"d{i}.test", "sel", pem)
        mail[f"d{i}.test", "pass"] = good
        mail[f"d{i}.test", "fail"] = good + b"a line that somebody added\r\n"
    nokey = house.signed(house.message("nokey.test"), "nokey.test", "sel", pem)
    mail["nokey.test", "other"] = nokey  # permerror: no key, so no series of its own
    return mail, zone


class Sender(threading.Thread):
    """Sends one message after the other on a connection to one daemon, as choose() says, and keeps count of the acknowledged."""

    def __init__(self, daemon, mail, choose):
        super().__init__()
        self.daemon, self.mail, self.choose = daemon, mail, choose
        self.sent, self.error, self.ends = collections.Counter(), None, threading.Event()

    def run(self):
        try:
            with socket.create_connection(("127.0.0.1", self.daemon.smtp), timeout=120) as server:
                replies = server.makefile("rb")
                self.expect(replies, b"220")
                self.ask(server, replies, b"EHLO sender.test\r\n", b"250")
                while not self.ends.is_set():
                    self.send_one(server, replies)
                    self.ends.wait(1 / RATE)
        except Exception as error:  # told by the main thread
            self.error = error

    def send_one(self, server, replies):
        kind = self.choose(sum(self.sent.values()))
        for command, code in ((b"MAIL FROM:<a@%s>" % kind[0].encode(), b"250"), (b"RCPT TO:<b@here.test>", b"250"), (b"DATA", b"354")):
            self.ask(server, replies, command + b"\r\n", code)
        self.ask(server, replies, self.mail[kind] + b".\r\n", b"250")
        self.sent[kind] += 1

    def ask(self, server, replies, octets, code):
        server.sendall(octets)
        self.expect(replies, code)

    @staticmethod
    def expect(replies, code):
        line = replies.readline()
        while line[3:4] == b"-":
            line = replies.readline()
        assert line[:3] == code, line

    def finish(self):
        self.ends.set()
        self.join()
        if self.error is not None:
            raise self.error
        return self.sent


# -- Prometheus ------------------------------------------------------------------------------------------------------------

class Prometheus:
    """With our rules, their times made short: the expressions are those that are shipped."""

    def __init__(self, daemons):
        with open(RULES, encoding="utf-8") as file:
            rules = file.read()
        for long, short in (("[30m]", "[4s]"), ("for: 30m", "for: 1s")):
            assert long in rules
            rules = rules.replace(long, short)
        house.put("prometheus/rules.yml", rules)
        house.put("prometheus/token", TOKEN)
        targets = ", ".join(f'"127.0.0.1:{daemon.http}"' for daemon in daemons)
        conf = house.put("prometheus/prometheus.yml", f"""
global: {{scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: sceau
    authorization: {{credentials_file: {house.path("prometheus/token")}}}
    static_configs: [{{targets: [{targets}]}}]
""".replace("500ms", f"{500 * house.SLOW}ms").replace("[4s]", f"[{4 * house.SLOW}s]"))
        self.port = house.free_port()
        self.process = house.spawn(["prometheus", "--config.file", conf, "--storage.tsdb.path", house.path("prometheus/data/x")[:-2],
                                    f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"], "prometheus/log")
        house.wait_for(lambda: house.port_answers(self.port), "Prometheus", 60)

    def get(self, where):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{where}", timeout=60) as answer:
                return json.load(answer)["data"]
        except (OSError, http.client.HTTPException):  # it does so while it starts
            return None

    def query(self, expression):
        """{its labels, sorted: the value of a series}"""
        data = self.get("query?query=" + urllib.parse.quote(expression))
        return {tuple(sorted(one["metric"].items())): float(one["value"][1]) for one in data["result"]} if data else {}

    def fires(self, domain):
        data = self.get("alerts")
        return bool(data) and any(alert["state"] == "firing" and alert["labels"]["alertname"] == "SceauBigDomainBroke"
                                  and alert["labels"]["domain"] == domain for alert in data["alerts"])


# -- tests -----------------------------------------------------------------------------------------------------------------

def what_is_shipped_is_sound():
    folder = os.path.join(PACKAGING, "prometheus")
    print(promtool("check", "config", os.path.join(folder, "prometheus.yml")))
    print(promtool("check", "rules", RULES))
    print(promtool("test", "rules", os.path.join(folder, "sceau.rules.test.yml")))
    with open(RULES, encoding="utf-8") as file:
        alerts = set(re.findall(r"alert: (\w+)", file.read()))
    with open(os.path.join(folder, "sceau.rules.test.yml"), encoding="utf-8") as file:
        tested = set(re.findall(r"alertname: (\w+)", file.read()))
    assert alerts == tested, alerts ^ tested


def names_in(text):
    """The metrics of ours that an expression or a document names, histograms by their family."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\b(?:sceau|process)_[a-z_]+", text)}


def every_metric_that_is_shipped_exists(daemon):
    families = set(re.findall(r"^# TYPE (\S+) ", page(daemon)[1], re.M))
    with open(os.path.join(PACKAGING, "grafana", "sceau.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    assert all(target["datasource"]["uid"] == "${datasource}" for panel in panels for target in panel.get("targets", []))
    used = set().union(*map(names_in, expressions))
    with open(RULES, encoding="utf-8") as file:
        used |= names_in(file.read())
    assert used <= families, used - families
    print(f"{len(panels)} panels, {len(expressions)} expressions, {len(used)} of {len(families)} families used")
    return expressions


def both_forms_are_accepted(daemon):
    kind, text = page(daemon)
    assert kind == "text/plain; version=0.0.4; charset=utf-8", kind
    print("promtool check metrics:", promtool("check", "metrics", stdin=text.encode()) or "no complaint")
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
    except ImportError:
        print("python3-prometheus-client is not installed: OpenMetrics was not checked by it")
        return
    kind, open_text = page(daemon, "application/openmetrics-text; version=1.0.0, text/plain;q=0.5")
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8", kind
    families = list(text_string_to_metric_families(open_text))
    samples = {sample.name for family in families for sample in family.samples}
    wanted = {re.split(r"[{ ]", line)[0] for line in text.splitlines() if not line.startswith("#")}
    assert samples == wanted, samples ^ wanted
    print(f"prometheus_client's OpenMetrics parser: {len(families)} families, {sum(len(one.samples) for one in families)} samples")


def totals(sent):
    """What Prometheus must say of one instance: messages, signatures by result, and of each domain with a key its results."""
    by_result, by_domain = collections.Counter(), collections.Counter()
    for (domain, result), count in sent.items():
        by_result[{"other": "permerror"}.get(result, result)] += count
        by_domain["other" if result == "other" else domain, result] += count
    return sum(sent.values()), by_result, by_domain


def tells_all(prometheus, daemon, sent):
    """An explanation of the first difference; None when there is none."""
    instance = f'instance="127.0.0.1:{daemon.http}"'
    messages, by_result, by_domain = totals(sent)
    got = prometheus.query(f"sum(sceau_messages_total{{{instance}}})")
    if got != {(): messages}:
        return f"{messages} messages were sent, {got}"
    got = {dict(labels)["result"]: value for labels, value in prometheus.query(f"sum by (result) (sceau_dkim_signatures_total{{{instance}}}) > 0").items()}
    if got != by_result:
        return f"by result {by_result}, {got}"
    got = {(dict(labels)["domain"], dict(labels)["result"]): value
           for labels, value in prometheus.query(f"sum by (domain, result) (sceau_domain_dkim_results_total{{{instance}}}) > 0").items()}
    return None if got == by_domain else f"by domain {by_domain}, {got}"


def events_tell_the_same(daemon, sent):
    """The event log has one object a message, with the same results."""
    with open(os.path.join(daemon.folder, "events"), encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    seen = collections.Counter((event["dkim"][0]["domain"], {"permerror": "other"}.get(event["dkim"][0]["result"], event["dkim"][0]["result"]))
                               for event in events)
    assert seen == sent, (seen, sent)
    assert all(event["action"] == "delivered" and event["size"] > 0 and event["client"] == "127.0.0.1" for event in events)
    print(f"{len(events)} events, as many as messages; the first: {json.dumps(events[0])[:300]} ...")


def two_daemons_are_scraped_and_an_alert_fires_and_clears():
    mail, zone = make_mail()
    access = house.put("access", f"# of the test\nBearer {hashlib.sha256(TOKEN.encode()).hexdigest()}\n")
    os.chmod(access, 0o600)
    daemons = [house.Daemon(CONF % (zone, access), name) for name in ("first", "second")]
    assert daemons[0].get("/metrics")[0] == 401 and daemons[0].get("/healthz")[0] == 200
    every_metric_that_is_shipped_exists(daemons[0])
    prometheus = Prometheus(daemons)
    big = {"fails": False}

    def choose(number):
        """Half of the mail is of the big domain, a tenth fails for good reason, some have no key."""
        if number % 2 == 0:
            return "d0.test", "fail" if big["fails"] else "pass"
        if number % 30 == 1:
            return "nokey.test", "other"
        return f"d{1 + number // 2 % (DOMAINS - 1)}.test", "fail" if number % 20 == 3 else "pass"

    senders = [Sender(daemon, mail, choose) for daemon in daemons]
    start = time.monotonic()
    for sender in senders:
        sender.start()
    # As many scrapes of good mail as the alert looks back at.
    house.wait_for(lambda: prometheus.query("count(min by (instance) (count_over_time(sceau_messages_total[1h])) >= 8)").get(()) == 2, "eight scrapes of each", 60)
    house.wait_for(lambda: time.monotonic() - start > SECONDS / 2, "half of the time", SECONDS + 60)
    assert not prometheus.fires("d0.test"), "the alert fires while all is well"
    big["fails"] = True
    began = time.monotonic()
    house.wait_for(lambda: prometheus.fires("d0.test"), "the alert", 120)
    print(f"SceauBigDomainBroke fires {time.monotonic() - began:.1f} s after the domain began to fail", flush=True)
    big["fails"] = False
    began = time.monotonic()
    house.wait_for(lambda: not prometheus.fires("d0.test"), "the alert's end", 120)
    print(f"and clears {time.monotonic() - began:.1f} s after it passes again", flush=True)
    house.wait_for(lambda: time.monotonic() - start > SECONDS, "the whole time", SECONDS + 60)
    sent = [sender.finish() for sender in senders]
    for daemon, counts in zip(daemons, sent):
        last = [""]
        try:
            house.wait_for(lambda: last.append(tells_all(prometheus, daemon, counts)) or last[-1] is None, "the totals", 30)
        except AssertionError as error:
            raise AssertionError(last[-1]) from error
        print(f"{sum(counts.values())} messages, {dict(totals(counts)[1])}, {len(totals(counts)[2])} series of domains: Prometheus tells the same")
    up = prometheus.query('up{job="sceau"}')
    lost = prometheus.query('sum_over_time((1 - up{job="sceau"})[1h:500ms])')
    print(f"up: {list(up.values())}, scrapes lost: {list(lost.values())}")
    both_forms_are_accepted(daemons[0])
    for daemon, counts in zip(daemons, sent):
        assert daemon.stop() == 0, daemon.log_text()[-2000:]
        events_tell_the_same(daemon, counts)
    house.stop(prometheus.process)


if __name__ == "__main__":
    house.need("prometheus", "promtool")
    house.main(what_is_shipped_is_sound, two_daemons_are_scraped_and_an_alert_fires_and_clears)
