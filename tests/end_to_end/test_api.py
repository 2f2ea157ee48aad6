"""The statistics' JSON API against docs/openapi.yaml, and the history over a restart and a kill -9: real mail, the real
daemon, messages signed by python3-dkim. Every path, parameter and status of the description is asked for, and every answer is
held against its schema; a path that is served and not described fails as well."""
import json
import re
import signal
import sqlite3
import subprocess
import urllib.error
import urllib.request

import house

try:
    import dkim  # noqa: F401 (house.signed wants it)
    import jsonschema
    import yaml
except ImportError as missing:
    house.skip(f"{missing.name} is not installed")

CONF = """
authserv_id = "mx.here.test"
listener "smtp" { protocol = "smtp" listen = "127.0.0.1:{smtp}" downstream = "maildir:{folder}/Maildir" }
dns { mode = "zones" zone_files = { "%s" } }
http { listen = "127.0.0.1:{http}" domains = 10 domains_always = { "always.test" } history = "{folder}/statistics" history_interval = %s }
"""
with open(house.SOURCE + "/docs/openapi.yaml", encoding="utf-8") as file:
    API = yaml.safe_load(file)
STRICT_TYPE = {"application/json", "application/problem+json"}
state = {}


def resolve(node):
    """References of the description, followed."""
    while "$ref" in node:
        target = API
        for part in node["$ref"][2:].split("/"):
            target = target[part]
        node = target
    return node


def check(path, where, want=200):
    """Asks for where, which is an instance of the described path; the answer, held against its schema."""
    request = urllib.request.Request(f"http://127.0.0.1:{state['daemon'].http}{where}")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            status, kind, text = answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        status, kind, text = error.code, error.headers["Content-Type"], error.read()
    assert status == want, (where, status, text)
    described = resolve(API["paths"][path]["get"]["responses"][str(status)])
    assert kind in described["content"] and kind in STRICT_TYPE, (where, kind)
    value = json.loads(text)
    schema = {"$ref": described["content"][kind]["schema"]["$ref"], "components": API["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)
    state.setdefault("asked", set()).add((path, status))
    return value


def send_mail():
    pem, record = house.make_key("first")
    zone = "".join(f"s1._domainkey.{name} TXT {house.txt(record)}\n" for name in ("good", "bad"))
    zone += f"s1._domainkey.test TXT {house.txt(record.replace('k=rsa;', 'k=rsa; t=y;'))}\n"
    zone += 's1._domainkey.revoked TXT "v=DKIM1; p="\n'
    state["zone"] = house.put("zone", house.zone_text("here.test", zone))
    state["daemon"] = house.Daemon(CONF % (state["zone"], "100ms"))
    for name, count in (("good", 4), ("bad", 3), ("test", 2), ("revoked", 1), ("missing", 1)):
        text = house.signed(house.message(f"{name}.here.test"), f"{name}.here.test", "s1", pem)
        for _ in range(count):
            code, reply = state["daemon"].send(text.replace(b"Hello", b"Hullo") if name == "bad" else text)
            assert code == 250, reply
    state["record"] = record


WANT = {"good.here.test": (4, 0, 0), "bad.here.test": (0, 3, 0), "test.here.test": (2, 0, 0), "revoked.here.test": (0, 0, 1)}


def counts_of(value):
    return value["pass"], value["fail"], value["other"]


def answers_tell_what_was_sent():
    for window in ("1h", "24h", "7d"):
        page = check("/api/v1/stats/domains", f"/api/v1/stats/domains?window={window}")
        assert {row["domain"]: counts_of(row) for row in page["domains"]} == WANT, page
        assert counts_of(page["total"]) == (6, 3, 2) and counts_of(page["untracked"]) == (0, 0, 1), page
        stats = check("/api/v1/stats", f"/api/v1/stats?window={window}")
        assert stats["watch"] == {"old_selector": 0, "key_changed": 0, "revoked": 1, "testing": 1}, stats
        assert sum(point["messages"] for point in stats["points"]) == 11
        causes = check("/api/v1/stats/causes", f"/api/v1/stats/causes?window={window}")
        assert causes["failures"] == 5 and causes["signatures"] == 11, causes
        assert causes["causes"][0] == {"cause": "body_other", "count": 3}, causes
    one = check("/api/v1/stats/domains/{domain}", "/api/v1/stats/domains/Bad.Here.Test")
    assert [(each["selector"], each["bits"], counts_of(each)) for each in one["selectors"]] == [("s1", 2048, (0, 3, 0))], one
    key = subprocess.run([house.SCEAU, "key", "--json", "--zone", state["zone"], "bad.here.test", "s1"],
                               capture_output=True, text=True, timeout=60)
    assert key.returncode == 0, key.stderr
    assert json.loads(key.stdout)["selectors"][0]["key"]["fingerprint"] == one["selectors"][0]["fingerprint"], key.stdout
    assert check("/api/v1/version", "/api/v1/version")["name"] == "sceau"


def pages_follow_each_other():
    for sort, place in (("messages", "messages"), ("fail", "fail")):
        rows, cursor = [], ""
        while cursor is not None:
            page = check("/api/v1/stats/domains", f"/api/v1/stats/domains?sort={sort}&limit=1&cursor={cursor}")
            rows += page["domains"]
            cursor = page["next"]
        assert sorted(row["domain"] for row in rows) == sorted(WANT), rows
        assert [row[place] for row in rows] == sorted((row[place] for row in rows), reverse=True), rows


def what_is_wrong_is_told_with_its_place():
    for path, parameters in (("/api/v1/stats", ("window=2d", "window=")), ("/api/v1/stats/causes", ("window=1h%00",)),
                             ("/api/v1/stats/domains", ("window=x", "sort=domain", "limit=0", "limit=1001", "limit=1e3", "cursor=x", "cursor=1~2~%2F"))):
        for parameter in parameters:
            problem = check(path, f"{path}?{parameter}", 400)
            assert problem["status"] == 400 and problem["where"] == "query parameter " + parameter.split("=")[0], problem
    check("/api/v1/stats/domains/{domain}", "/api/v1/stats/domains/good.here.test?window=1y", 400)
    for name in ("nobody.example", "%3Cscript%3E", "a" * 300, "%FF%FE", "..", "x"):
        problem = check("/api/v1/stats/domains/{domain}", f"/api/v1/stats/domains/{name}", 404)
        assert problem["where"] == "path parameter domain", problem


def all_is_described_and_all_that_is_described_was_asked_for():
    front = state["daemon"].get("/")[1].decode()
    served = {path for path in re.findall(r"(/api/v1/stats[^<\":\s]*|/api/v1/version)", front)}
    described = {path for path in API["paths"] if path.startswith(("/api/v1/stats", "/api/v1/version"))}
    assert served == described, served ^ described
    missing = {(path, int(status)) for path in described for status in API["paths"][path]["get"]["responses"]} - state["asked"]
    assert not missing, missing
    for path in described:
        for parameter in API["paths"][path]["get"].get("parameters", []):
            parameter = resolve(parameter)
            if parameter["in"] == "query" and "enum" in resolve(parameter["schema"]):
                for word in resolve(parameter["schema"])["enum"]:
                    check(path, f"{path.replace('{domain}', 'good.here.test')}?{parameter['name']}={word}")


def series_that_are_always_there_are_there():
    for result in ("pass", "fail", "other"):
        assert state["daemon"].metric('sceau_domain_dkim_results_total{domain="always.test",result="%s"}' % result) == 0


def restart(sig):
    """Ends the daemon, and starts it again on its history; the answer of /api/v1/stats/domains then."""
    old = state["daemon"]
    code = old.stop(sig)
    assert code == (0 if sig == signal.SIGTERM else -signal.SIGKILL), old.log_text()[-2000:]
    house.spawn([house.SCEAUD, "-c", old.conf], old.log)
    old.process = house._running[-1]
    house.wait_for(lambda: old.process.poll() is not None or house.port_answers(old.http), "sceaud")
    assert old.process.poll() is None, old.log_text()[-2000:]
    return check("/api/v1/stats/domains", "/api/v1/stats/domains?window=24h")


def saved_messages():
    """What the file itself says, asked as an operator would."""
    with sqlite3.connect(f"file:{state['daemon'].folder}/statistics?mode=ro", uri=True, timeout=20) as file:
        return file.execute("SELECT total(n) FROM counts WHERE step_s=3600 AND domain='' AND word IN ('pass','fail','other')").fetchone()[0]


def the_history_outlives_the_daemon():
    page = restart(signal.SIGTERM)
    assert {row["domain"]: counts_of(row) for row in page["domains"]} == WANT, page
    assert counts_of(page["total"]) == (6, 3, 2) and counts_of(page["untracked"]) == (0, 0, 1), page


def kill_9_loses_at_most_the_last_batch():
    daemon = state["daemon"]
    with open(house.path("first.pem"), "rb") as pem:
        text = house.signed(house.message("good.here.test"), "good.here.test", "s1", pem.read())
    for _ in range(20):
        assert daemon.send(text)[0] == 250
    house.wait_for(lambda: saved_messages() == 31, "the batch with all twenty")
    page = restart(signal.SIGKILL)
    assert counts_of(page["total"]) == (26, 3, 2), page
    daemon.configure(CONF % (state["zone"], "1h"))
    restart(signal.SIGTERM)
    for _ in range(5):  # within an interval of an hour: these will be lost, and only these
        assert daemon.send(text)[0] == 250
    page = restart(signal.SIGKILL)
    assert counts_of(page["total"]) == (26, 3, 2), page
    assert len(daemon.stored()) == 11 + 20 + 5  # and never a message


def a_corrupt_history_costs_no_mail():
    daemon = state["daemon"]
    daemon.stop()
    for end in ("", "-wal", "-shm"):
        house.put(f"{daemon.folder}/statistics{end}", b"this is no database\n" * 1000)
    page = restart(signal.SIGTERM)
    assert page["total"]["messages"] == 0, page
    line = [line for line in daemon.log_text().splitlines() if "event=history" in line][-1]
    assert "/statistics" in line and "file is not a database" in line and "level=error" in line, line
    assert daemon.send(house.message("plain.example"))[0] == 250
    assert daemon.metric("sceau_stats_history_errors_total") == 1
    assert daemon.stop() == 0


if __name__ == "__main__":
    house.main(send_mail, answers_tell_what_was_sent, pages_follow_each_other, what_is_wrong_is_told_with_its_place,
               all_is_described_and_all_that_is_described_was_asked_for, series_that_are_always_there_are_there,
               the_history_outlives_the_daemon, kill_9_loses_at_most_the_last_batch, a_corrupt_history_costs_no_mail)
