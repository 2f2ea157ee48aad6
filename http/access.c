#include "http/access.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/ascii.h"
#include "base/base64.h"
#include "base/bytes.h"
#include "http/password.h"
#include "http/secret.h"
#include "verifier/digest.h"

enum { KNOWN_MAX = 16, KEY_OCTETS = 32, HASH_MAX = 256, NAME_MAX_OCTETS = 255, TRY_US = 1000000 / ACCESS_TRIES_PER_S };

struct entry {
    bool is_token;
    uint8_t token[DIGEST_OCTETS];
    char name[NAME_MAX_OCTETS + 1], hash[HASH_MAX]; /* of a password */
};

struct entries { size_t count; struct entry entry[ACCESS_ENTRIES_MAX]; };

struct access {
    pthread_mutex_t lock; /* for all that follows */
    const struct clock *clock;
    struct entries *entries;
    struct digest digest;
    uint8_t key[KEY_OCTETS];                  /* of this process, in front of what is hashed */
    uint8_t known[KNOWN_MAX][DIGEST_OCTETS];  /* credentials with a password that was right */
    size_t known_count, known_next;
    int64_t tries_us; /* up to here, on the monotonic clock, tries are used up */
};

/* ---- the file ---- */

__attribute__((format(printf, 2, 3))) static void complain(char **error, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (vasprintf(error, format, args) < 0) *error = NULL;
    va_end(args);
}

/* What stands open is what was looked at: no name is looked up twice. NULL: it may be read. */
static const char *judge_file(int fd) {
    struct stat info;
    if (fd < 0) return errno == ELOOP ? "it is a symbolic link, which is not followed" : strerrordesc_np(errno);
    if (fstat(fd, &info) != 0) return strerrordesc_np(errno);
    if (!S_ISREG(info.st_mode)) return "this is no file";
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) return "group or others may use it: it needs mode 0600 or 0400";
    if (info.st_uid != geteuid() && info.st_uid != 0) return "it belongs to another user";
    return info.st_size <= ACCESS_FILE_MAX ? NULL : "it is larger than 64 KiB";
}

static const char *read_file(const char *path, struct bytes *text) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY); /* a FIFO must not hold us up */
    const char *reason = judge_file(fd);
    ssize_t got = 1;
    if (reason == NULL && !bytes_reserve(text, ACCESS_FILE_MAX)) reason = "out of memory";
    while (reason == NULL && got > 0 && text->len < ACCESS_FILE_MAX) {
        got = read(fd, text->ptr + text->len, ACCESS_FILE_MAX - text->len);
        if (got < 0) reason = strerrordesc_np(errno);
        else text->len += (size_t)got;
    }
    if (fd >= 0) close(fd);
    return reason;
}

static bool read_hex(struct span text, uint8_t out[DIGEST_OCTETS]) {
    if (text.len != DIGEST_OCTETS * 2) return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = ascii_hex_value(text.ptr[i]);
        if (digit < 0) return false;
        out[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : out[i / 2] | digit);
    }
    return true;
}

static void copy(char *out, struct span text) {
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}

/* NULL: read. */
static const char *read_line(struct span line, struct entry *entry) {
    const struct span bearer = span_of("Bearer ");
    *entry = (struct entry){.is_token = line.len > bearer.len && span_equal_nocase(span_first(line, bearer.len), bearer)};
    if (span_find(line, '\0') < line.len) return "a NUL is no part of it";
    if (entry->is_token)
        return read_hex(span_trim(span_after(line, bearer.len)), entry->token) ? NULL : "behind Bearer stand the 64 hex digits of the token's SHA-256";
    size_t colon = span_find(line, ':');
    if (colon == line.len) return "it is neither \"Bearer SHA-256\" nor \"name:hash\"";
    struct span hash = span_after(line, colon + 1);
    if (colon == 0 || colon > NAME_MAX_OCTETS) return "there is no name of 1 to 255 octets";
    if (hash.len >= HASH_MAX) return "the hash is too long";
    copy(entry->name, span_first(line, colon));
    copy(entry->hash, hash);
    return password_hash_is_usable(entry->hash) ? NULL : "the hash is none of bcrypt, yescrypt, scrypt, SHA-256 and SHA-512: htpasswd -B makes one";
}

static struct entries *refuse(struct entries *entries, char **error, const char *path, unsigned line, const char *reason) {
    if (line > 0) complain(error, "%s:%u: %s", path, line, reason);
    else complain(error, "%s: %s", path, reason);
    if (entries != NULL) explicit_bzero(entries, sizeof *entries);
    free(entries);
    return NULL;
}

static struct entries *parse(const char *path, struct span text, char **error) {
    struct entries *entries = calloc(1, sizeof *entries);
    if (entries == NULL) return refuse(NULL, error, path, 0, "out of memory");
    for (unsigned number = 1; text.len > 0; number++) {
        size_t len = span_find(text, '\n');
        struct span line = span_trim(span_first(text, len));
        text = span_after(text, len < text.len ? len + 1 : len);
        if (line.len == 0 || line.ptr[0] == '#') continue;
        if (entries->count == ACCESS_ENTRIES_MAX) return refuse(entries, error, path, number, "more than 256 lines");
        const char *reason = read_line(line, &entries->entry[entries->count]);
        if (reason != NULL) return refuse(entries, error, path, number, reason);
        entries->count++;
    }
    return entries->count > 0 ? entries : refuse(entries, error, path, 0, "it names nobody");
}

static struct entries *load(const char *path, char **error) {
    struct bytes text = bytes_with_cap(ACCESS_FILE_MAX);
    *error = NULL;
    const char *reason = read_file(path, &text);
    struct entries *entries = reason == NULL ? parse(path, bytes_span(&text), error) : refuse(NULL, error, path, 0, reason);
    bytes_release(&text);
    return entries;
}

/* ---- credentials ---- */

static bool hash(struct access *access, struct span key, struct span octets, uint8_t value[DIGEST_OCTETS]) {
    digest_begin(&access->digest);
    digest_update(&access->digest, key);
    digest_update(&access->digest, octets);
    return digest_end(&access->digest, value);
}

static struct span digest_span(const uint8_t value[DIGEST_OCTETS]) { return (struct span){(const char *)value, DIGEST_OCTETS}; }

/* Every entry is looked at, whatever matches. */
static bool knows_token(struct access *access, struct span token) {
    uint8_t value[DIGEST_OCTETS];
    bool found = false;
    if (!hash(access, (struct span){0}, token, value)) return false;
    for (size_t i = 0; i < access->entries->count; i++) {
        const struct entry *entry = &access->entries->entry[i];
        bool same = secret_equal(digest_span(value), digest_span(entry->token));
        found = (same && entry->is_token) || found;
    }
    return found;
}

static bool was_right(const struct access *access, const uint8_t value[DIGEST_OCTETS]) {
    bool found = false;
    for (size_t i = 0; i < access->known_count; i++) found = secret_equal(digest_span(value), digest_span(access->known[i])) || found;
    return found;
}

static void remember(struct access *access, const uint8_t value[DIGEST_OCTETS]) {
    memcpy(access->known[access->known_next], value, DIGEST_OCTETS);
    access->known_next = (access->known_next + 1) % KNOWN_MAX;
    if (access->known_count < KNOWN_MAX) access->known_count++;
}

/* A try becomes free every TRY_US, and ACCESS_TRIES_AT_ONCE may gather. */
static bool may_try(struct access *access) {
    int64_t now = clock_monotonic_us(access->clock), oldest = now - (int64_t)ACCESS_TRIES_AT_ONCE * TRY_US;
    if (access->tries_us < oldest) access->tries_us = oldest;
    if (access->tries_us + TRY_US > now) return false;
    access->tries_us += TRY_US;
    return true;
}

/* The hash of that name; for a name that is not there some other hash, and *exists false. */
static const char *hash_of(const struct access *access, struct span name, bool *exists) {
    const char *any = NULL;
    *exists = false;
    for (size_t i = 0; i < access->entries->count; i++) {
        const struct entry *entry = &access->entries->entry[i];
        if (entry->is_token) continue;
        bool is_it = span_is(name, entry->name);
        if (any == NULL || (is_it && !*exists)) any = entry->hash;
        *exists = *exists || is_it;
    }
    return any;
}

static enum access_answer check_password(struct access *access, struct span text) {
    char password[PASSWORD_OCTETS_MAX + 1];
    uint8_t value[DIGEST_OCTETS];
    bool exists;
    size_t colon = span_find(text, ':');
    if (colon == text.len || text.len - colon - 1 > PASSWORD_OCTETS_MAX || span_find(text, '\0') < text.len) return ACCESS_REFUSED;
    const char *wanted = hash_of(access, span_first(text, colon), &exists);
    if (wanted == NULL || !hash(access, (struct span){(const char *)access->key, KEY_OCTETS}, text, value)) return ACCESS_REFUSED;
    if (was_right(access, value)) return ACCESS_GRANTED;
    if (!may_try(access)) return ACCESS_PUT_OFF;
    copy(password, span_after(text, colon + 1));
    bool matches = password_matches(password, wanted) && exists;
    explicit_bzero(password, sizeof password);
    if (matches) remember(access, value);
    return matches ? ACCESS_GRANTED : ACCESS_REFUSED;
}

static enum access_answer check_basic(struct access *access, struct span encoded) {
    uint8_t text[NAME_MAX_OCTETS + 1 + PASSWORD_OCTETS_MAX + 2];
    size_t len;
    if (base64_decode(encoded, BASE64_SPACE_REFUSED, text, sizeof text, &len) != BASE64_OK) return ACCESS_REFUSED;
    enum access_answer answer = check_password(access, (struct span){(const char *)text, len});
    explicit_bzero(text, sizeof text);
    return answer;
}

enum access_answer access_check(struct access *access, struct span credentials) {
    size_t len = span_find(credentials, ' ');
    struct span scheme = span_first(credentials, len), rest = span_trim(span_after(credentials, len));
    enum access_answer answer = ACCESS_REFUSED;
    if (rest.len == 0) return ACCESS_REFUSED;
    pthread_mutex_lock(&access->lock);
    if (span_is_nocase(scheme, "Bearer")) answer = knows_token(access, rest) ? ACCESS_GRANTED : ACCESS_REFUSED;
    else if (span_is_nocase(scheme, "Basic")) answer = check_basic(access, rest);
    pthread_mutex_unlock(&access->lock);
    return answer;
}

/* ---- life ---- */

struct access *access_create(const char *path, const struct clock *clock, char **error) {
    struct entries *entries = load(path, error);
    struct access *access = entries != NULL ? calloc(1, sizeof *access) : NULL;
    if (access == NULL) return free(entries), NULL;
    pthread_mutex_init(&access->lock, NULL);
    access->clock = clock;
    access->entries = entries;
    access->tries_us = INT64_MIN / 2;
    if (digest_init(&access->digest) && getrandom(access->key, KEY_OCTETS, 0) == KEY_OCTETS) return access;
    complain(error, "%s: out of memory, or the kernel gives no random octets", path);
    access_destroy(access);
    return NULL;
}

void access_destroy(struct access *access) {
    if (access == NULL) return;
    pthread_mutex_destroy(&access->lock);
    digest_release(&access->digest);
    explicit_bzero(access->entries, sizeof *access->entries);
    free(access->entries);
    explicit_bzero(access, sizeof *access);
    free(access);
}

bool access_reload(struct access *access, const char *path, char **error) {
    struct entries *entries = load(path, error);
    if (entries == NULL) return false;
    pthread_mutex_lock(&access->lock);
    struct entries *before = access->entries;
    access->entries = entries;
    access->known_count = access->known_next = 0;
    pthread_mutex_unlock(&access->lock);
    explicit_bzero(before, sizeof *before);
    free(before);
    return true;
}
