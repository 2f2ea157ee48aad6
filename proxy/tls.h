/* proxy/tls.h -- TLS 1.2 and 1.3 as a machine over octets: ciphertext in, plaintext out, and the other way (RFC 5246,
 * RFC 8446). Does no socket I/O: proxy/connection moves the octets, keeps the back-pressure and the time limits.
 * A context is the immutable part (certificate and key, or whom to believe), shared by all connections of a listener and
 * counted; one tls is one connection's. tls.c is the only file of the proxy that includes OpenSSL's headers.
 * Cipher suites and curves are OpenSSL's defaults, or those of the system's openssl.cnf. No renegotiation, no compression,
 * no early data, and no resumption: every handshake is a whole one, so no ticket key has to be kept secret.
 * Reads files in the two create functions only. Thread rule: a context's functions from any thread, a tls on one.
 * Memory: some 15 KiB for each open tls; OpenSSL's record buffers (17 KiB each way) only while a record is in them.
 * Limits: TLS_HELD_MAX, TLS_FILE_MAX. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

enum {
    TLS_HELD_MAX = 17 * 1024,   /* octets of a record that is not complete yet, and so of plaintext still to come */
    TLS_RECORD_MAX = 16 * 1024, /* plaintext of one record */
    TLS_FILE_MAX = 256 * 1024,  /* octets of a key file */
};

struct bytes;
struct tls_context;
struct tls;

/* certificate: PEM, the server's own first, then its chain. key: PEM without passphrase, in a base/private_file. NULL: *error (caller frees; NULL without memory) is one sentence that names the
 * file. An expired certificate is no error here. */
struct tls_context *tls_context_create_server(const char *certificate, const char *key, char **error);
/* verifies: the server must prove the name of tls_create with a chain that ends in the PEM file ca, or, where that is
 * NULL, in the system's. Else any certificate will do. */
struct tls_context *tls_context_create_client(bool verifies, const char *ca, char **error);
struct tls_context *tls_context_acquire(struct tls_context *context);
void tls_context_release(struct tls_context *context); /* accepts NULL */
/* When the server's own certificate expires, in seconds since 1970; a client's context: INT64_MAX. */
int64_t tls_context_expires_s(const struct tls_context *context);

enum tls_state {
    TLS_SHAKING, /* the handshake has not come to its end */
    TLS_READY,
    TLS_ENDED,  /* the peer has said that it sends no more (close_notify); sending still works */
    TLS_FAILED, /* tls_failure says why; what is in wire is an alert, worth one try to send it */
};

/* name: whom a client wants to reach, a host name or an IP address; a server's is NULL. Acquires context. NULL: no
 * memory. */
struct tls *tls_create(struct tls_context *context, const char *name);
void tls_destroy(struct tls *tls); /* accepts NULL */

/* From now on what must go to the peer is appended to wire, which is the caller's, outlives tls, and whose first octets
 * he drops as they leave. A client's first message is there at once. */
enum tls_state tls_begin(struct tls *tls, struct bytes *wire);
/* Takes octets as they came from the peer, all of them, and puts what they were encrypted from at plain, *len octets.
 * plain has room for octets.len + TLS_HELD_MAX. Octets in plain are good whatever the state. Not before tls_begin. */
enum tls_state tls_receive(struct tls *tls, struct span octets, char *plain, size_t *len);
/* Encrypts octets to wire. Only when TLS_READY or TLS_ENDED. */
enum tls_state tls_send(struct tls *tls, struct span octets);
/* Appends our close_notify to wire, once; nothing is sent after it. */
void tls_end(struct tls *tls);

enum tls_state tls_state(const struct tls *tls);
const char *tls_failure(const struct tls *tls); /* NULL while all is well; valid until destroy */
/* "TLSv1.3", static text; NULL before the handshake has ended. */
const char *tls_version(const struct tls *tls);
