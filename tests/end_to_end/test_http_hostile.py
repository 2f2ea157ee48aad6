"""Hostile HTTP clients: crowds of connections, readers that do not read, writers that do not finish, and requests that are none.
Each is answered or closed, an honest scrape gets through, mail does not notice, and sceaud stops cleanly in the middle of it.
SCEAU_CROWD is how many connections the crowd has (2,000)."""
import os
import resource
import select
import socket
import threading
import time

import house

CONF = """
authserv_id = "mx.here.test"
listener "smtp" { protocol = "smtp" listen = "127.0.0.1:{smtp}" downstream = "maildir:{folder}/Maildir" }
dns { mode = "zones" zone_files = { "%s" } }
http { listen = "127.0.0.1:{http}" }
log { lines_per_second = 10 }
"""
CROWD = int(os.environ.get("SCEAU_CROWD", "2000"))

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
CROWD = min(CROWD, hard - 500)
daemon = house.Daemon(CONF % house.put("zone", house.zone_text("there.test", "")))


def connect(number=0):
    """From an address of its own, as many as are wanted: all of 127.0.0.0/8 is this host."""
    client = socket.socket()
    client.settimeout(60 * house.SLOW)
    client.bind((f"127.{1 + number // 60000}.{number // 250 % 240}.{1 + number % 250}", 0))
    client.connect(("127.0.0.1", daemon.http))
    return client


def all_is_well():
    """An honest client of another address is served, and mail goes through."""
    with connect(59999) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        text = b""
        while octets := client.recv(65536):
            text += octets
    assert text.startswith(b"HTTP/1.1 200 ") and b"sceau_build_info" in text, text[:200]
    assert daemon.send(house.message("there.test"))[0] == 250


def ending_of(client):
    """What comes until the server closes; b"" when it closes without a word."""
    text = b""
    try:
        while octets := client.recv(65536):
            text += octets
    except ConnectionResetError:
        pass
    return text


def a_crowd_of_connections():
    """Each of its own address, none says a word or only half of one. All but a few are closed, whoever asks is served."""
    crowd = []
    for number in range(CROWD):
        client = connect(number)
        if number % 2:
            client.send(b"GET /metrics HTT")
        crowd.append(client)
        if number % 2000 == 1000:
            all_is_well()
    poll = select.poll()
    for client in crowd:
        poll.register(client, select.POLLIN | select.POLLHUP)
    house.wait_for(lambda: len(poll.poll(0)) >= CROWD - 64, "the crowd's end", 60)
    descriptors = daemon.metric("process_open_fds")
    assert descriptors < 200, descriptors
    print(f"{CROWD} connections, {len(poll.poll(0))} of them closed by the server, {descriptors:.0f} descriptors open")
    for client in crowd:
        client.close()
    all_is_well()


def slow_readers_and_writers():
    """They ask for much and read nothing, or send a head octet by octet, and are closed when they bring nothing forward."""
    readers = [connect(number) for number in range(20)]
    for client in readers:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50)  # pipelined
    writers = [connect(100 + number) for number in range(20)]
    begin = time.monotonic()
    while time.monotonic() - begin < 3:
        for client in writers:
            try:
                client.send(b"G")
            except (BrokenPipeError, ConnectionResetError):
                pass
        all_is_well()
    for client in readers + writers:
        client.close()
    all_is_well()


BAD = [
    b"GET\r\n\r\n", b"GET /metrics\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    b"GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"G\x00T /metrics HTTP/1.1\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n: z\r\n\r\n",
    b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 60000), b"GET /" + b"../" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%00%0d%0aX:%20y HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /api/v1/stats/domains/%ff%fe%2e%2e%2f HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/v1/stats/domains?limit=%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"9" * 5000),
    b"GET /api/v1/stats/domains?" + b"a=b&" * 1500 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: " + b"text/plain;q=0.1," * 500 + b"\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: " + b"gzip;q=\xff," * 500 + b"\r\n\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"8000\r\n" + b"x" * 32768 + b"\r\n" + b"8000\r\n" + b"x" * 32768,
    b"CONNECT example.com:25 HTTP/1.1\r\nHost: x\r\n\r\n", b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", b"get /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    b"%s /metrics HTTP/1.1\r\nHost: x\r\n\r\n" % (b"M" * 3000), b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nDATA\r\n",
]


def requests_that_are_none():
    """Each is answered with an error (or answered, where it is harmless), or closed; none stays open when others come."""
    codes = {}
    clients = [connect(200 + number) for number in range(len(BAD))]
    for client, request in zip(clients, BAD):
        try:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError, OSError):
            pass
    all_is_well()
    others = [connect(400 + number) for number in range(40)]  # those that still wait for something make room
    for client, request in zip(clients, BAD):
        text = ending_of(client)
        client.close()
        code = text.split(b" ", 2)[1].decode() if text.startswith(b"HTTP/1.") else text[:1] and "something"
        assert code != "something" and (not code or code[0] in "24" or code in ("501", "505")), (request[:80], text[:200])
        codes[code or "closed"] = codes.get(code or "closed", 0) + 1
    print(f"{len(BAD)} bad requests: {codes}")
    for client in others:
        client.close()
    all_is_well()


def it_stops_in_the_middle_of_it():
    clients = [connect(300 + number) for number in range(30)]
    for client in clients:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /met")
    stopper = threading.Thread(target=daemon.stop)
    begin = time.monotonic()
    stopper.start()
    stopper.join()
    assert daemon.process.returncode == 0, daemon.log_text()[-2000:]
    print(f"sceaud ended {time.monotonic() - begin:.1f} s after SIGTERM")
    for client in clients:
        client.close()


if __name__ == "__main__":
    house.main(a_crowd_of_connections, slow_readers_and_writers, requests_that_are_none, it_stops_in_the_middle_of_it)
