"""What stands around the sessions: the cap on them, descriptors that run out, unix sockets, listeners that come and go with a
reload, and the memory of those who only wait."""
import os
import resource
import signal
import socket
import threading

import house
from proxy_house import MAIL, Proxy, smtp_downstream, through, without_ours
from smtp_script import Client


def greeting(port):
    """The first reply, and whether the connection was closed behind it."""
    client = Client(port)
    return client.greeting[0], client.greeting[1][0], client


def too_many_sessions():
    proxy = Proxy({"in": ("smtp", "maildir:{folder}/Maildir", "")}, more="limits { sessions = 3 }", name="cap")
    inside = [Client(proxy.port["in"]) for _ in range(3)]
    code, text, client = greeting(proxy.port["in"])
    assert code == 421 and text.startswith("4.7.0"), (code, text)
    assert client.is_closed()
    assert through(inside[0], MAIL)[0] == 250  # established ones unharmed
    inside[1].expect(221, "QUIT")
    house.wait_for(lambda: greeting(proxy.port["in"])[0] == 220, "a place that became free")
    assert proxy.metric('sceau_rejected_connections_total{reason="limit"}') >= 1
    assert proxy.stop() == 0


def no_descriptor_is_left():
    proxy = Proxy({"in": ("smtp", "maildir:{folder}/Maildir", "")}, name="descriptors")
    established = Client(proxy.port["in"])
    pid, before = proxy.process.pid, resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE)
    in_use = proxy.open_files()[-1] + 1
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (in_use, before[1]))
    taken = []  # what was open below while we looked
    while not taken or taken[-1][0] == 220 and len(taken) < 10:
        taken.append(greeting(proxy.port["in"]))
    code, text, _ = taken[-1]
    assert code == 421 and text.startswith("4.3.1"), (code, text)
    established.expect(250, "NOOP")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    taken.clear()
    house.wait_for(lambda: greeting(proxy.port["in"])[0] == 220, "clients are taken again")
    assert through(established, MAIL)[0] == 250
    assert proxy.stop() == 0


def all_who_come_at_once_are_told():
    """A descriptor that one worker gives up to say so must not become another worker's session: nobody would be told any more."""
    proxy = Proxy({"in": ("smtp", "maildir:{folder}/Maildir", "")}, name="rush")
    pid, before = proxy.process.pid, resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (proxy.open_files()[-1] + 8, before[1]))
    told = []
    rush = [threading.Thread(target=lambda: told.append(greeting(proxy.port["in"]))) for _ in range(30)]
    for one in rush:
        one.start()
    for one in rush:
        one.join()
    codes = [code for code, *_ in told]
    assert len(codes) == 30 and set(codes) == {220, 421}, codes
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    told.clear()
    house.wait_for(lambda: greeting(proxy.port["in"])[0] == 220, "clients are taken again")
    assert proxy.stop() == 0


def unix_sockets_on_both_sides():
    """One listener hands on to another one through a socket file."""
    proxy = Proxy({"in": ("lmtp", "lmtp:unix:{folder}/next", "")},
                  more='listener "next" { protocol = "lmtp" listen = "unix:{folder}/next" downstream = "maildir:{folder}/Maildir" }', name="unix")
    client = proxy.client("in")
    for reply in client.envelope(("a@here.test", "b@here.test"), hello="LHLO"):
        assert reply[0] == 250, reply
    assert [reply[0] for reply in client.data(MAIL, replies=2)] == [250, 250]
    text, = proxy.stored()
    assert without_ours(text).split(b"\r\n", 1)[1] == MAIL  # without Return-Path as well
    proxy.stop(signal.SIGKILL)  # the file stays behind, and nobody listens there
    assert os.path.exists(proxy.folder + "/next")
    again = house.spawn([house.SCEAUD, "-c", proxy.conf], "unix/log2")
    house.wait_for(lambda: house.port_answers(proxy.port["in"]), "started over a stale socket file")
    second = house.put("unix/second.conf", f'authserv_id = "x.test"\nspool = "{proxy.folder}/spool2"\nhttp {{ listen = "off" }}\n'
                       f'listener "l" {{ protocol = "lmtp" listen = "unix:{proxy.folder}/next" downstream = "maildir:/nowhere" }}\n')
    loser = house.spawn([house.SCEAUD, "-c", second], "unix/log3")
    assert loser.wait(20) != 0
    with open(house.path("unix/log3"), encoding="utf-8") as file:
        complaint = file.read()
    assert f"unix:{proxy.folder}/next" in complaint and "Address already in use" in complaint, complaint
    assert house.stop(again) == 0
    assert not os.path.exists(proxy.folder + "/next")


def listeners_come_and_go():
    one, to_one = smtp_downstream()
    two, to_two = smtp_downstream()
    proxy = Proxy({"stays": ("smtp", to_one, ""), "goes": ("smtp", to_one, "")}, name="reload")
    old = {name: proxy.client(name) for name in ("stays", "goes")}
    proxy.configure(proxy.text({"stays": ("smtp", to_two, ""), "comes": ("smtp", to_two, "")}))
    proxy.process.send_signal(signal.SIGHUP)
    house.wait_for(lambda: "in use" in proxy.log_text(), "the new configuration")
    assert house.port_answers(proxy.port["comes"]) and not house.port_answers(proxy.port["goes"])
    for client in old.values():  # they began with the old configuration and end with it
        assert through(client, MAIL)[0] == 250
    assert (len(one.complete()), len(two.complete())) == (2, 0)
    for name in ("stays", "comes"):
        assert through(proxy.client(name), MAIL)[0] == 250
    assert (len(one.complete()), len(two.complete())) == (2, 2)
    assert proxy.stop() == 0


def new_sessions_are_told_while_old_ones_finish():
    server, downstream = smtp_downstream(delay=1)
    proxy = Proxy({"in": ("smtp", downstream, "")}, name="drain")
    client = proxy.client("in")
    client.envelope()
    client.expect(354, "DATA")
    proxy.process.send_signal(signal.SIGTERM)
    house.wait_for(lambda: greeting(proxy.port["in"])[0] == 421, "421 for new sessions")
    client.send(MAIL.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    assert client.reply()[0] == 250
    assert proxy.process.wait(30) == 0
    assert len(server.complete()) == 1


def waiting_costs_little():
    """2,000 sessions that have said EHLO and wait, each with its connection to downstream: below 8 KiB each."""
    if "san" in os.path.basename(house.BUILD):
        return  # sanitizers have their own idea of memory
    count = 2000
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most < 4 * count:
        print(f"  not measured: {most} descriptors are too few")
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    server = socket.create_server(("127.0.0.1", 0), backlog=64)
    proxy = Proxy({"in": ("smtp", f"smtp:127.0.0.1:{server.getsockname()[1]}", "")}, more="limits { sessions = 5000 }", name="memory")
    resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (most, most))
    kept = []

    def session():
        client = Client(proxy.port["in"])
        client.send(b"EHLO waits.test\r\n")
        behind, _ = server.accept()
        behind.sendall(b"220 hi\r\n")
        behind.recv(1000)
        behind.sendall(b"250-next.test\r\n250 SIZE\r\n")
        assert client.reply()[0] == 250
        kept.append((client, behind))

    def resident():
        with open(f"/proc/{proxy.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    for _ in range(100):
        session()
    before = resident()
    for _ in range(count):
        session()
    each = (resident() - before) / count
    print(f"  {each:.0f} octets a waiting session")
    assert each < 8192, each
    proxy.stop(signal.SIGKILL)


if __name__ == "__main__":
    house.main(too_many_sessions, no_descriptor_is_left, all_who_come_at_once_are_told, unix_sockets_on_both_sides, listeners_come_and_go,
               new_sessions_are_told_while_old_ones_finish, waiting_costs_little)
