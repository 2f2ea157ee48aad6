"""A certificate for the listeners under load, and the client's side of STARTTLS."""
import os
import ssl
import subprocess

import house


def certificate(name="mx.here.test"):
    """PEM files of a certificate that is its own CA, and of its key."""
    chain, key = house.path("tls/mx.pem"), house.path("tls/mx.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", chain,
                    "-subj", f"/CN={name}", "-days", "30"], check=True, capture_output=True)
    os.chmod(key, 0o600)
    return chain, key


def tls_lines(pair):
    return f'tls = "may" tls_certificate = "{pair[0]}" tls_key = "{pair[1]}"'


def client_context():
    """Takes any certificate: what is measured here is not whom we trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def secure(client, context):
    """STARTTLS and the handshake; EHLO is the caller's."""
    client.expect(220, "STARTTLS")
    client.socket = context.wrap_socket(client.socket)
