#include "verifier/sealing_key.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/private_file.h"

enum { FILE_MAX = 16 * 1024, RSA_BITS_MIN = 1024, RSA_BITS_MAX = 4096 };

struct sealing_key {
    EVP_PKEY *pkey;
    enum key_algorithm algorithm;
};

const char *sealing_key_status_text(enum sealing_key_status status) {
#define X(id, text) [id] = text,
    static const char *const texts[] = {SEALING_KEY_STATUSES(X)};
#undef X
    return texts[status];
}

static enum sealing_key_status open_file(const char *path, int *fd) {
    static const enum sealing_key_status statuses[] = {
        [PRIVATE_FILE_OK] = SEALING_KEY_OK,
        [PRIVATE_FILE_UNREADABLE] = SEALING_KEY_UNREADABLE,
        [PRIVATE_FILE_NO_FILE] = SEALING_KEY_NOT_A_FILE,
        [PRIVATE_FILE_BAD_LINK] = SEALING_KEY_BAD_LINK,
        [PRIVATE_FILE_EXPOSED] = SEALING_KEY_OPEN_TO_OTHERS,
        [PRIVATE_FILE_FOREIGN] = SEALING_KEY_FOREIGN,
        [PRIVATE_FILE_TOO_LARGE] = SEALING_KEY_TOO_LARGE,
    };
    return statuses[private_file_open(path, FILE_MAX, fd)];
}

/* One octet more than fits tells that the file has grown. */
static enum sealing_key_status read_file(int fd, char text[FILE_MAX + 1], size_t *len) {
    for (*len = 0; *len <= FILE_MAX;) {
        ssize_t count = read(fd, text + *len, FILE_MAX + 1 - *len);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return SEALING_KEY_UNREADABLE;
        if (count == 0) return SEALING_KEY_OK;
        *len += (size_t)count;
    }
    return SEALING_KEY_TOO_LARGE;
}

static int no_passphrase(char *text, int room, int writing, void *owner) {
    (void)text, (void)room, (void)writing, (void)owner;
    return -1;
}

static enum sealing_key_status judge_key(EVP_PKEY *pkey, enum key_algorithm *algorithm) {
    if (pkey == NULL) return SEALING_KEY_NOT_A_KEY;
    *algorithm = EVP_PKEY_is_a(pkey, "ED25519") ? KEY_ED25519 : KEY_RSA;
    if (*algorithm == KEY_ED25519) return SEALING_KEY_OK;
    if (!EVP_PKEY_is_a(pkey, "RSA")) return SEALING_KEY_BAD_TYPE;
    int bits = EVP_PKEY_get_bits(pkey);
    return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX ? SEALING_KEY_OK : SEALING_KEY_BAD_SIZE;
}

static enum sealing_key_status parse(const char *text, size_t len, struct sealing_key **out) {
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    if (bio == NULL) return SEALING_KEY_NO_MEMORY;
    enum key_algorithm algorithm = KEY_ALGORITHM_UNKNOWN;
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    enum sealing_key_status status = judge_key(pkey, &algorithm);
    struct sealing_key *key = status == SEALING_KEY_OK ? calloc(1, sizeof *key) : NULL;
    if (key != NULL) {
        *key = (struct sealing_key){pkey, algorithm};
        *out = key;
    } else {
        EVP_PKEY_free(pkey);
        if (status == SEALING_KEY_OK) status = SEALING_KEY_NO_MEMORY;
    }
    ERR_clear_error();
    return status;
}

enum sealing_key_status sealing_key_load(const char *path, struct sealing_key **out) {
    char text[FILE_MAX + 1];
    size_t len = 0;
    *out = NULL;
    int fd;
    enum sealing_key_status status = open_file(path, &fd);
    if (status != SEALING_KEY_OK) return status;
    status = read_file(fd, text, &len);
    if (status == SEALING_KEY_OK) status = parse(text, len, out);
    OPENSSL_cleanse(text, sizeof text);
    int why = errno;
    close(fd);
    errno = why;
    return status;
}

void sealing_key_release(struct sealing_key *key) {
    if (key == NULL) return;
    EVP_PKEY_free(key->pkey); /* OpenSSL wipes it */
    free(key);
}

enum key_algorithm sealing_key_algorithm(const struct sealing_key *key) { return key->algorithm; }

/* PKCS#1 v1.5 over the value (RFC 8017 section 8.2.1). */
static bool sign_rsa(EVP_PKEY *pkey, const uint8_t *value, uint8_t *out, size_t *len) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool ok = context != NULL && EVP_PKEY_sign_init(context) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
              EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
              EVP_PKEY_sign(context, out, len, value, DIGEST_OCTETS) == 1;
    EVP_PKEY_CTX_free(context);
    return ok;
}

/* PureEdDSA over the 32 octets (RFC 8463 section 3). */
static bool sign_ed25519(EVP_PKEY *pkey, const uint8_t *value, uint8_t *out, size_t *len) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, pkey) == 1 &&
              EVP_DigestSign(context, out, len, value, DIGEST_OCTETS) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

bool sealing_key_sign(const struct sealing_key *key, const uint8_t value[DIGEST_OCTETS],
                      uint8_t out[SEALING_KEY_SIGNATURE_MAX], size_t *len) {
    *len = SEALING_KEY_SIGNATURE_MAX;
    bool signs =
        key->algorithm == KEY_RSA ? sign_rsa(key->pkey, value, out, len) : sign_ed25519(key->pkey, value, out, len);
    ERR_clear_error();
    return signs;
}
