"""What the proxy's tests share: one sceaud with many listeners, scripted servers behind it, and the octets it adds."""
import os
import re

import house
from smtp_script import Client, Downstream

if not os.path.exists(house.SCEAUD):
    house.skip("sceaud is not built")

ID = "mx.here.test"
NO_DNS = 'mode = "zones" zone_files = { "%s" }' % house.put("zone", house.zone_text("there.test", ""))
OURS = re.compile(rb"\AAuthentication-Results: " + ID.encode() + rb";(?:[^\r]|\r(?!\n)|\r\n[ \t])*\r\n")
BODY = b"Hello Bob,\r\n.a line with a dot\r\n..and two\r\n.\r\nlast\r\n"
PLAIN = (b"From: Alice <alice@there.test>\r\nTo: bob@here.test\r\nSubject: a test\r\n"
         b"Date: Mon, 01 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@there.test>\r\n\r\nno dots here\r\n")
MAIL = PLAIN + BODY


class Proxy(house.Daemon):
    """listeners: {name: (protocol, downstream, more lines for its section)}; their ports are in .port. A listener trusts
    127.0.0.1 unless its lines say otherwise."""

    def __init__(self, listeners, more="", name="sceaud", dns=NO_DNS, authserv_id=ID, environment=None):
        self.port = {}
        super().__init__(self.text(listeners, more, dns, authserv_id), name, environment)

    def text(self, listeners, more="", dns=NO_DNS, authserv_id=ID):
        text = (f'authserv_id = "{authserv_id}"\nspool = "{{folder}}/spool"\nhttp {{ listen = "127.0.0.1:{{http}}" }}\n'
                f'dns {{ {dns} }}\n{more}\n')
        for name, (protocol, downstream, lines) in listeners.items():
            port = self.port.setdefault(name, house.free_port())
            trust = "" if "trust" in lines else 'trust = { "127.0.0.0/8" }'
            text += (f'listener "{name}" {{ protocol = "{protocol}" listen = "127.0.0.1:{port}" downstream = "{downstream}"\n'
                     f'{trust} {lines} }}\n')
        return text

    def client(self, name, **more):
        return Client(self.port[name], **more)


def through(client, content, recipients=("bob@here.test",)):
    """One message in a transaction of its own; the final reply."""
    for reply in client.envelope(recipients):
        assert reply[0] == 250, reply
    return client.data(content)


def without_ours(text):
    """What was delivered, without our Authentication-Results on top, which must be there once."""
    match = OURS.match(text)
    assert match, text[:300]
    return text[match.end():]


def smtp_downstream(**fields):
    server = Downstream()
    vars(server).update(fields)
    return server, f"smtp:127.0.0.1:{server.port}"


def lmtp_downstream(**fields):
    server = Downstream(lmtp=True)
    vars(server).update(fields)
    return server, f"lmtp:127.0.0.1:{server.port}"
