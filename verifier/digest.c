#include "verifier/digest.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

enum { STRAIGHT_MIN = 256 }; /* octets worth an EVP call of their own */

static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static EVP_MD *method; /* kept until the process ends: fetching costs more than hashing a short message */

static void fetch_method(void) { method = EVP_MD_fetch(NULL, "SHA2-256", NULL); }

bool digest_init(struct digest *digest) {
    pthread_once(&method_once, fetch_method);
    digest->context = method != NULL ? EVP_MD_CTX_new() : NULL;
    digest->octets = 0;
    digest->gathered = 0;
    digest->failed = true; /* until digest_begin */
    return digest->context != NULL;
}

void digest_release(struct digest *digest) {
    EVP_MD_CTX_free(digest->context);
    digest->context = NULL;
}

void digest_begin(struct digest *digest) {
    digest->octets = 0;
    digest->gathered = 0;
    digest->failed = EVP_DigestInit_ex2(digest->context, method, NULL) != 1;
}

static void feed(struct digest *digest, const char *octets, size_t len) {
    if (digest->failed) return; /* the context may not be ready: OpenSSL would not notice */
    digest->failed = EVP_DigestUpdate(digest->context, octets, len) != 1;
}

static void gather(struct digest *digest, struct span octets) {
    memcpy(digest->gather + digest->gathered, octets.ptr, octets.len);
    digest->gathered += octets.len;
}

/* What does not fit beside the gathered octets first fills them up, so that OpenSSL never sees a short piece. */
void digest_update(struct digest *digest, struct span octets) {
    if (octets.len == 0) return;
    digest->octets += octets.len;
    size_t room = DIGEST_GATHER - digest->gathered;
    if (octets.len >= room && digest->gathered > 0) {
        gather(digest, span_first(octets, room));
        feed(digest, digest->gather, DIGEST_GATHER);
        digest->gathered = 0;
        octets = span_after(octets, room);
    }
    if (digest->gathered == 0 && octets.len >= STRAIGHT_MIN)
        feed(digest, octets.ptr, octets.len);
    else
        gather(digest, octets);
}

bool digest_end(struct digest *digest, uint8_t value[DIGEST_OCTETS]) {
    unsigned len = 0;
    if (digest->gathered > 0) feed(digest, digest->gather, digest->gathered);
    digest->gathered = 0;
    bool ended = !digest->failed && EVP_DigestFinal_ex(digest->context, value, &len) == 1 && len == DIGEST_OCTETS;
    if (!ended) {
        ERR_clear_error(); /* nobody reads it, and the next verification must not find it */
        memset(value, 0, DIGEST_OCTETS);
    }
    digest->failed = true; /* until it begins anew */
    return ended;
}

bool digest_copy(const struct digest *digest, struct digest *copy) {
    copy->octets = digest->octets;
    copy->gathered = digest->gathered;
    memcpy(copy->gather, digest->gather, digest->gathered);
    copy->failed = digest->failed || EVP_MD_CTX_copy_ex(copy->context, digest->context) != 1;
    return !copy->failed;
}
