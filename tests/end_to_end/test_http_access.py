"""Who may read, with the real daemon: several listeners, some for the metrics only; tokens and what SIGHUP changes; and the event
log's file, which logrotate takes away."""
import hashlib
import http.client
import json
import os
import signal
import socket

import house

METRICS = house.free_port()
CONF = """
authserv_id = "mx.here.test"
listener "smtp" { protocol = "smtp" listen = "127.0.0.1:{smtp}" downstream = "maildir:{folder}/Maildir" }
dns { mode = "zones" zone_files = { "%s" } }
http {
    listen         = { "127.0.0.1:{http}", "unix:{folder}/http" }
    metrics_listen = "127.0.0.1:%d"
    access_file    = "%s"
}
log { events = "{folder}/events" }
"""


def allow(*tokens):
    file = house.put("access", "".join(f"Bearer {hashlib.sha256(token.encode()).hexdigest()}\n" for token in tokens))
    os.chmod(file, 0o600)
    return file


daemon = house.Daemon(CONF % (house.put("zone", house.zone_text("there.test", "")), METRICS, allow("one")))


class UnixConnection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.path.join(daemon.folder, "http"))


def get(where, token=None, port=None):
    """(status, octets); port: None is the unix socket."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60) if port else UnixConnection("localhost", timeout=60)
    connection.request("GET", where, headers={"Authorization": f"Bearer {token}"} if token else {})
    answer = connection.getresponse()
    octets = answer.read()
    connection.close()
    return answer.status, octets


def reloads(result):
    page = get("/metrics", tokens[0])[1].decode()
    return int(page.split(f'sceau_config_reloads_total{{result="{result}"}} ')[1].split()[0])


tokens = ["one"]  # those that are known now


def each_listener_asks_and_serves_its_own():
    for port in (daemon.http, None):
        assert get("/healthz", port=port)[0] == 200 and get("/", port=port)[0] == 200
        assert [get(path, token, port)[0] for path in ("/metrics", "/api/v1/version") for token in (None, "two", "one")] == [401, 401, 200] * 2
    assert [get("/metrics", token, METRICS)[0] for token in (None, "one")] == [401, 200]
    assert [get(path, "one", METRICS)[0] for path in ("/healthz", "/api/v1/version", "/")] == [200, 404, 404]


def a_reload_changes_the_tokens_and_a_bad_file_changes_nothing():
    allow("two")
    tokens[0] = "two"
    daemon.process.send_signal(signal.SIGHUP)
    house.wait_for(lambda: get("/metrics", "two")[0] == 200, "the new token")
    assert get("/metrics", "one")[0] == 401
    os.chmod(allow("three"), 0o644)
    daemon.process.send_signal(signal.SIGHUP)
    house.wait_for(lambda: reloads("error") == 1, "the reload that fails")
    assert get("/metrics", "three")[0] == 401 and get("/metrics", "two")[0] == 200
    assert "group or others may use it" in daemon.log_text()
    allow("two")


def events():
    with open(os.path.join(daemon.folder, "events"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def a_rotated_event_log_goes_on_in_a_new_file():
    assert daemon.send(house.message("there.test"))[0] == 250
    house.wait_for(lambda: len(events()) == 1, "the first event")
    os.rename(os.path.join(daemon.folder, "events"), os.path.join(daemon.folder, "events.1"))
    before = reloads("success")
    daemon.process.send_signal(signal.SIGHUP)
    house.wait_for(lambda: reloads("success") == before + 1, "the reload")
    assert daemon.send(house.message("there.test"))[0] == 250
    house.wait_for(lambda: os.path.exists(os.path.join(daemon.folder, "events")) and len(events()) == 1, "the second event")
    assert daemon.stop() == 0, daemon.log_text()[-2000:]
    assert not os.path.exists(os.path.join(daemon.folder, "http"))


if __name__ == "__main__":
    house.main(each_listener_asks_and_serves_its_own, a_reload_changes_the_tokens_and_a_bad_file_changes_nothing,
               a_rotated_event_log_goes_on_in_a_new_file)
