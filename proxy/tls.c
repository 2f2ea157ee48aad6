#include "proxy/tls.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/bytes.h"
#include "base/private_file.h"

struct tls_context {
    atomic_uint references;
    SSL_CTX *ssl;
    bool is_server, verifies;
    int64_t expires_s;
};

struct tls {
    struct tls_context *context;
    SSL *ssl;
    enum tls_state state;
    bool has_ended;       /* our close_notify is out */
    struct span incoming; /* what tls_receive was given and OpenSSL has not taken yet */
    struct bytes *wire;
    char failure[160];
};

/* -- contexts -- */

__attribute__((format(printf, 2, 3))) static void complain(char **error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(error, format, arguments) < 0) *error = NULL;
    va_end(arguments);
}

/* OpenSSL's first complaint, which is the cause of the others, and an empty queue behind it. */
static const char *take_reason(const char *standard) {
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    return reason != NULL ? reason : standard;
}

/* Without it OpenSSL would ask at the terminal. */
static int no_passphrase(char *text, int room, int writing, void *owner) {
    (void)text, (void)room, (void)writing, (void)owner;
    return -1;
}

static SSL_CTX *create_ssl(bool is_server) {
    SSL_CTX *ssl = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    if (ssl == NULL) return NULL;
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
    if (SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 && SSL_CTX_set_num_tickets(ssl, 0) == 1) return ssl;
    SSL_CTX_free(ssl);
    return NULL;
}

static struct tls_context *create_context(bool is_server, bool verifies, char **error) {
    struct tls_context *context = calloc(1, sizeof *context);
    *error = NULL;
    if (context == NULL) return NULL;
    atomic_init(&context->references, 1);
    context->is_server = is_server;
    context->verifies = verifies;
    context->expires_s = INT64_MAX;
    context->ssl = create_ssl(is_server);
    if (context->ssl != NULL) return context;
    complain(error, "TLS cannot be used: %s", take_reason("out of memory"));
    free(context);
    return NULL;
}

static EVP_PKEY *read_key(int fd, const char **reason) {
    BIO *bio = BIO_new_fd(fd, BIO_NOCLOSE);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    if (key == NULL) *reason = "there is no private key in it, in PEM without passphrase";
    return key;
}

static bool use_key(SSL_CTX *ssl, const char *certificate, const char *path, char **error) {
    int fd;
    enum private_file_status status = private_file_open(path, TLS_FILE_MAX, &fd);
    const char *reason = status == PRIVATE_FILE_OK           ? NULL
                         : status == PRIVATE_FILE_UNREADABLE ? strerrordesc_np(errno)
                                                             : private_file_status_text(status);
    EVP_PKEY *key = reason == NULL ? read_key(fd, &reason) : NULL;
    if (fd >= 0) close(fd);
    bool fits = key != NULL && SSL_CTX_use_PrivateKey(ssl, key) == 1 && SSL_CTX_check_private_key(ssl) == 1;
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (reason != NULL)
        complain(error, "key %s: %s", path, reason);
    else if (!fits)
        complain(error, "key %s: it does not belong to the certificate %s", path, certificate);
    return fits;
}

/* A file that cannot be read has a reason of its own, which OpenSSL would not tell. */
static bool can_read(const char *what, const char *path, char **error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat info;
    const char *reason = fd < 0 || fstat(fd, &info) != 0 ? strerrordesc_np(errno) : NULL;
    if (reason == NULL && !S_ISREG(info.st_mode)) reason = "this is no file";
    if (fd >= 0) close(fd);
    if (reason != NULL) complain(error, "%s %s: %s", what, path, reason);
    return reason == NULL;
}

static int64_t expiry_of(SSL_CTX *ssl) {
    struct tm time;
    const X509 *certificate = SSL_CTX_get0_certificate(ssl);
    if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) return 0;
    return (int64_t)timegm(&time);
}

static bool use_certificate(SSL_CTX *ssl, const char *path, char **error) {
    if (!can_read("certificate", path, error)) return false;
    if (SSL_CTX_use_certificate_chain_file(ssl, path) == 1) return true;
    complain(error, "certificate %s: there is no usable certificate in it, in PEM (%s)", path, take_reason("unknown"));
    return false;
}

struct tls_context *tls_context_create_server(const char *certificate, const char *key, char **error) {
    struct tls_context *context = create_context(true, false, error);
    if (context == NULL) return NULL;
    if (use_certificate(context->ssl, certificate, error) && use_key(context->ssl, certificate, key, error)) {
        context->expires_s = expiry_of(context->ssl);
        return context;
    }
    tls_context_release(context);
    return NULL;
}

static bool use_authorities(SSL_CTX *ssl, const char *path, char **error) {
    if (path == NULL && SSL_CTX_set_default_verify_paths(ssl) == 1) return true;
    if (path != NULL && !can_read("CA file", path, error)) return false;
    if (path != NULL && SSL_CTX_load_verify_file(ssl, path) == 1) return true;
    complain(error, "CA file %s: there is no certificate in it, in PEM (%s)", path != NULL ? path : "of the system",
             take_reason("unknown"));
    return false;
}

struct tls_context *tls_context_create_client(bool verifies, const char *ca, char **error) {
    struct tls_context *context = create_context(false, verifies, error);
    if (context == NULL || !verifies) return context;
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    if (use_authorities(context->ssl, ca, error)) return context;
    tls_context_release(context);
    return NULL;
}

struct tls_context *tls_context_acquire(struct tls_context *context) {
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void tls_context_release(struct tls_context *context) {
    if (context == NULL || atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1) return;
    SSL_CTX_free(context->ssl);
    free(context);
}

int64_t tls_context_expires_s(const struct tls_context *context) { return context->expires_s; }

/* -- the wire, as OpenSSL sees it -- */

static int take_incoming(BIO *bio, char *out, int room) {
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (room <= 0) return 0;
    if (tls->incoming.len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t count = tls->incoming.len < (size_t)room ? tls->incoming.len : (size_t)room;
    memcpy(out, tls->incoming.ptr, count);
    tls->incoming = span_after(tls->incoming, count);
    return (int)count;
}

static int give_outgoing(BIO *bio, const char *octets, int len) {
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (len <= 0) return 0;
    return bytes_append(tls->wire, (struct span){octets, (size_t)len}) ? len : -1;
}

static long control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method; /* kept until the process ends */

static void make_method(void) {
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "octets");
    if (made != NULL && BIO_meth_set_read(made, take_incoming) == 1 && BIO_meth_set_write(made, give_outgoing) == 1 &&
        BIO_meth_set_ctrl(made, control) == 1)
        method = made;
    else
        BIO_meth_free(made);
}

static bool set_wire(struct tls *tls) {
    pthread_once(&method_once, make_method);
    BIO *bio = method != NULL ? BIO_new(method) : NULL;
    if (bio == NULL) return false;
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio); /* which is its owner now */
    return true;
}

/* -- one connection -- */

static bool set_name(const struct tls *tls, const char *name) {
    uint8_t address[16];
    bool is_address = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
    /* What SSL_set_tlsext_host_name does, but for its cast. RFC 6066 section 3: never an address. */
    if (!is_address &&
        SSL_ctrl(tls->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)name) != 1)
        return false;
    if (!tls->context->verifies) return true;
    SSL_set_hostflags(tls->ssl,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT); /* RFC 9525 */
    return is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), name) == 1
                      : SSL_set1_host(tls->ssl, name) == 1;
}

struct tls *tls_create(struct tls_context *context, const char *name) {
    struct tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) return NULL;
    tls->context = tls_context_acquire(context);
    tls->ssl = SSL_new(context->ssl);
    bool is_made = tls->ssl != NULL && set_wire(tls) && (name == NULL || set_name(tls, name));
    ERR_clear_error();
    if (!is_made) {
        tls_destroy(tls);
        return NULL;
    }
    if (context->is_server)
        SSL_set_accept_state(tls->ssl);
    else
        SSL_set_connect_state(tls->ssl);
    return tls;
}

void tls_destroy(struct tls *tls) {
    if (tls == NULL) return;
    SSL_free(tls->ssl);
    tls_context_release(tls->context);
    free(tls);
}

static enum tls_state fail(struct tls *tls) {
    long verdict = SSL_get_verify_result(tls->ssl);
    const char *reason = take_reason(tls->wire->failed ? "out of memory" : "protocol error");
    tls->state = TLS_FAILED;
    if (!tls->context->is_server && tls->context->verifies && verdict != X509_V_OK)
        (void)snprintf(tls->failure, sizeof tls->failure, "certificate: %s", X509_verify_cert_error_string(verdict));
    else
        (void)snprintf(tls->failure, sizeof tls->failure, "%s", reason);
    return TLS_FAILED;
}

/* OpenSSL has returned result, which says that it could not go on. */
static enum tls_state settle(struct tls *tls, int result) {
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ: return tls->state;
    case SSL_ERROR_ZERO_RETURN: return tls->state = TLS_ENDED;
    default: return fail(tls);
    }
}

static enum tls_state shake(struct tls *tls) {
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    return result == 1 ? tls->state = TLS_READY : settle(tls, result);
}

enum tls_state tls_begin(struct tls *tls, struct bytes *wire) {
    tls->wire = wire;
    return shake(tls);
}

enum tls_state tls_receive(struct tls *tls, struct span octets, char *plain, size_t *len) {
    size_t room = octets.len + TLS_HELD_MAX;
    *len = 0;
    tls->incoming = octets;
    if (tls->state == TLS_SHAKING) (void)shake(tls);
    while (tls->state == TLS_READY) {
        size_t count = 0;
        ERR_clear_error();
        int result = SSL_read_ex(tls->ssl, plain + *len, room - *len, &count);
        *len += count;
        if (result == 1) continue;
        (void)settle(tls, result);
        break;
    }
    tls->incoming = (struct span){NULL, 0}; /* what stands behind a close_notify counts for nothing */
    return tls->state;
}

enum tls_state tls_send(struct tls *tls, struct span octets) {
    size_t count;
    if (octets.len == 0 || tls->state == TLS_FAILED) return tls->state;
    ERR_clear_error();
    return SSL_write_ex(tls->ssl, octets.ptr, octets.len, &count) == 1 ? tls->state : fail(tls);
}

void tls_end(struct tls *tls) {
    if (tls->has_ended || (tls->state != TLS_READY && tls->state != TLS_ENDED)) return;
    tls->has_ended = true;
    ERR_clear_error();
    (void)SSL_shutdown(tls->ssl); /* 0: the peer's is still to come, as it should */
    ERR_clear_error();
}

enum tls_state tls_state(const struct tls *tls) { return tls->state; }

const char *tls_failure(const struct tls *tls) { return tls->state == TLS_FAILED ? tls->failure : NULL; }

const char *tls_version(const struct tls *tls) {
    return SSL_is_init_finished(tls->ssl) == 1 ? SSL_get_version(tls->ssl) : NULL;
}
