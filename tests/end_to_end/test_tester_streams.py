"""A thousand people watch tests live: what that costs in memory, that all of them hear what happens, that one more is told
to come later, and that mail and /metrics do not notice. SCEAU_STREAMS sets another number."""
import os
import resource
import selectors
import socket
import time

import house

STREAMS = int(os.environ.get("SCEAU_STREAMS", "1000"))
PER_ADDRESS, MOST, OCTETS_EACH = 8, 1000, 10 * 1024
CONF = """
authserv_id = "mx.here.test"
listener "mail" { protocol = "smtp" listen = "127.0.0.1:{smtp}" downstream = "maildir:{folder}/Maildir" }
listener "tests" { protocol = "smtp" listen = "127.0.0.1:{lmtp}" downstream = "tester" }
dns { mode = "zones" zone_files = { "%s" } }
http { listen = "127.0.0.1:{http}" }
tester { enabled = true domain = "tests.here.test" listen = "127.0.0.1:%d" tests_per_minute = 10000 }
"""
state = {}


def request(head, address="127.0.0.1"):
    """A connection from that address of this host, with the head sent."""
    connection = socket.socket()
    connection.bind((address, 0))
    connection.settimeout(60 * house.SLOW)
    connection.connect(("127.0.0.1", state["port"]))
    connection.sendall(head.encode() + b"\r\n\r\n")
    return connection


def answer(connection):
    text = b""
    while not text.endswith(b"\n"):
        piece = connection.recv(65536)
        if not piece:
            break
        text += piece
    return text


def open_test():
    text = answer(request("POST /api/v1/tests HTTP/1.1\r\nHost: x\r\nContent-Length: 0"))
    assert text.startswith(b"HTTP/1.1 201"), text
    return text.split(b'"token":"')[1][:16].decode()


def watch(token, number):
    """A stream whose head has been read: from then on it counts for nothing among the connections of its address."""
    connection = ask_to_watch(token, number)
    head = connection.recv(65536)
    assert head.startswith(b"HTTP/1.1 200"), head
    return connection


def ask_to_watch(token, number):
    return request(f"GET /api/v1/tests/{token}/events HTTP/1.1\r\nHost: x", f"127.0.{1 + number // 250}.{1 + number % 250}")


def memory():
    """Octets of the daemon: (in use, ever asked for that are its own)."""
    with open(f"/proc/{state['daemon'].process.pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return 1024 * int(fields["VmRSS"].split()[0])


def send_some():
    """Seconds that the slowest of 20 messages took."""
    slowest = 0
    for _ in range(20):
        begun = time.monotonic()
        assert state["daemon"].send(house.message("there.test"))[0] == 250
        slowest = max(slowest, time.monotonic() - begun)
    return slowest


def test_many_streams():
    token = state["token"] = open_test()
    first = [watch(token, 300 + i // PER_ADDRESS) for i in range(32)]  # what is made once is made
    wait_until(lambda: live() == 32)
    before = memory()
    state["alone"] = send_some()
    state["streams"] = first + [watch(token, i // PER_ADDRESS) for i in range(STREAMS - 32)]
    wait_until(lambda: live() == STREAMS)
    each = (memory() - before) / (STREAMS - 32)
    print(f"{STREAMS} streams, {each:.0f} octets each; slowest message before {state['alone'] * 1000:.1f} ms", flush=True)
    if house.SLOW == 1:
        assert each < OCTETS_EACH, each


def live():
    return state["daemon"].metric("sceau_tester_live_subscribers")


def wait_until(condition):
    house.wait_for(condition, "streams", 60)


def test_one_more_is_told_to_come_later():
    if STREAMS < MOST:
        return
    text = answer(ask_to_watch(state["token"], 400))
    assert text.startswith(b"HTTP/1.1 429") and b"Retry-After: " in text, text


def test_all_hear_and_mail_goes_on():
    with_streams = send_some()
    code, reply = state["daemon"].send(house.message("there.test"), [state["token"] + "@tests.here.test"], port=state["daemon"].lmtp)
    assert code == 250, (code, reply)
    heard, chosen, begun = set(), selectors.DefaultSelector(), time.monotonic()
    for stream in state["streams"]:
        chosen.register(stream, selectors.EVENT_READ, bytearray())
    while len(heard) < STREAMS and time.monotonic() - begun < 60 * house.SLOW:
        for key, _ in chosen.select(1):
            key.data.extend(key.fileobj.recv(65536))
            if b"event: report\n" in key.data:
                heard.add(key.fileobj)
    assert len(heard) == STREAMS, len(heard)
    print(f"all heard after {(time.monotonic() - begun) * 1000:.0f} ms; slowest message {with_streams * 1000:.1f} ms", flush=True)
    assert state["daemon"].get("/healthz")[0] == 200


def test_those_who_leave_are_forgotten():
    for stream in state["streams"]:
        stream.close()
    answer(request(f"DELETE /api/v1/tests/{state['token']} HTTP/1.1\r\nHost: x\r\nConnection: close"))
    wait_until(lambda: live() == 0)
    assert state["daemon"].stop() == 0


_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
if most < 2 * STREAMS + 200:
    house.skip(f"only {most} descriptors")
state["port"] = house.free_port()
zone = house.put("zone", house.zone_text("here.test", ""))
state["daemon"] = house.Daemon(CONF % (zone, state["port"]))
house.main(test_many_streams, test_one_more_is_told_to_come_later, test_all_hear_and_mail_goes_on, test_those_who_leave_are_forgotten)
