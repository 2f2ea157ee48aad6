#include "tests/support/signer.h"
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <string.h>

struct signer {
    EVP_PKEY *key;
    bool is_rsa;
    char record[2048];
};

struct text { char *ptr; size_t len; };

static void *must(void *pointer) {
    if (pointer == NULL) abort();
    return pointer;
}

static void put(struct text *text, const char *octets, size_t len) {
    text->ptr = must(realloc(text->ptr, text->len + len + 1));
    if (len > 0) memcpy(text->ptr + text->len, octets, len);
    text->len += len;
    text->ptr[text->len] = '\0';
}
static void put_text(struct text *text, const char *octets) { put(text, octets, strlen(octets)); }

static char *base64(const uint8_t *octets, size_t len) {
    char *out = must(malloc(4 * ((len + 2) / 3) + 1));
    EVP_EncodeBlock((unsigned char *)out, octets, (int)len);
    return out;
}

static struct signer *with_key(EVP_PKEY *key, bool is_rsa) {
    struct signer *signer = must(calloc(1, sizeof *signer));
    signer->key = must(key);
    signer->is_rsa = is_rsa;
    uint8_t octets[1024], *at = octets;
    size_t len = sizeof octets;
    if (is_rsa) len = (size_t)i2d_PUBKEY(key, &at);
    else EVP_PKEY_get_raw_public_key(key, octets, &len);
    char *p = base64(octets, len);
    snprintf(signer->record, sizeof signer->record, "v=DKIM1; k=%s; p=%s", is_rsa ? "rsa" : "ed25519", p);
    free(p);
    return signer;
}

struct signer *signer_create_rsa(unsigned bits) { return with_key(EVP_RSA_gen(bits), true); }
struct signer *signer_create_ed25519(void) { return with_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), false); }
void signer_destroy(struct signer *signer) {
    EVP_PKEY_free(signer->key);
    free(signer);
}
const char *signer_record(const struct signer *signer) { return signer->record; }

static bool is_wsp(char c) { return c == ' ' || c == '\t'; }

/* One field "Name: body\r\n", relaxed: lower case, unfolded, runs of WSP are one SP, none at the ends. */
static void relaxed_field(struct text *out, const char *field, size_t len) {
    size_t colon = (size_t)((const char *)must(memchr(field, ':', len)) - field), name_len = colon;
    while (name_len > 0 && is_wsp(field[name_len - 1])) name_len--;
    for (size_t i = 0; i < name_len; i++) {
        char c = field[i] >= 'A' && field[i] <= 'Z' ? (char)(field[i] + 32) : field[i];
        put(out, &c, 1);
    }
    put(out, ":", 1);
    bool blank = false, any = false;
    for (size_t i = colon + 1; i < len; i++) {
        if (is_wsp(field[i])) {
            blank = true;
        } else if (field[i] == '\r' && i + 1 < len && field[i + 1] == '\n') {
            i++; /* a fold, or the end */
        } else {
            if (blank && any) put(out, " ", 1);
            put(out, &field[i], 1);
            blank = false;
            any = true;
        }
    }
}

/* Line by line; relaxed: WSP at line ends gone, runs of WSP one SP; both: empty lines at the end gone. */
static struct text canonical_body(const char *body, size_t len, bool simple) {
    struct text out = {NULL, 0};
    size_t empty_lines = 0, i = 0;
    put(&out, "", 0);
    while (i < len) {
        size_t end = i;
        while (end < len && !(body[end] == '\r' && end + 1 < len && body[end + 1] == '\n')) end++;
        struct text line = {NULL, 0};
        put(&line, "", 0);
        for (size_t k = i; k < end; k++) {
            if (simple || !is_wsp(body[k])) put(&line, &body[k], 1);
            else if (k + 1 < end && !is_wsp(body[k + 1])) put(&line, " ", 1);
        }
        if (line.len == 0) {
            empty_lines++;
        } else {
            for (; empty_lines > 0; empty_lines--) put_text(&out, "\r\n");
            put(&out, line.ptr, line.len);
            put_text(&out, "\r\n");
        }
        free(line.ptr);
        i = end < len ? end + 2 : end;
    }
    if (out.len == 0 && simple) put_text(&out, "\r\n");
    return out;
}

/* The count-th field called name from the bottom (0 = lowest); false when there are fewer. */
static bool find_from_bottom(struct span head, const char *name, size_t name_len, size_t count, struct span *out) {
    struct span fields[256];
    size_t found = 0, i = 0;
    while (i < head.len) {
        size_t end = i;
        do {
            while (head.ptr[end] != '\n') end++;
            end++;
        } while (end < head.len && is_wsp(head.ptr[end]));
        size_t colon = i;
        while (colon < end && head.ptr[colon] != ':') colon++;
        size_t len = colon - i;
        while (len > 0 && is_wsp(head.ptr[i + len - 1])) len--;
        if (len == name_len && strncasecmp(head.ptr + i, name, len) == 0 && found < 256)
            fields[found++] = (struct span){head.ptr + i, end - i};
        i = end;
    }
    if (count >= found) return false;
    *out = fields[found - 1 - count];
    return true;
}

static struct text header_input(const struct signing *how, const char *names, struct span head, const char *field) {
    struct text out = {NULL, 0};
    put(&out, "", 0);
    for (const char *at = names; *at != '\0';) {
        size_t len = strcspn(at, ":"), before = 0;
        for (const char *other = names; other < at; other += strcspn(other, ":") + 1)
            before += strcspn(other, ":") == len && strncasecmp(other, at, len) == 0;
        struct span one;
        if (find_from_bottom(head, at, len, before, &one)) {
            if (how->simple_header) put(&out, one.ptr, one.len);
            else relaxed_field(&out, one.ptr, one.len), put_text(&out, "\r\n");
        }
        at += len + (at[len] == ':');
    }
    if (how->simple_header) put_text(&out, field);
    else relaxed_field(&out, field, strlen(field));
    return out;
}

static char *signature_over(const struct signer *signer, struct text input) {
    uint8_t hash[32], octets[1024];
    size_t len = sizeof octets;
    EVP_MD_CTX *context = must(EVP_MD_CTX_new());
    SHA256((const uint8_t *)input.ptr, input.len, hash);
    int ok;
    if (signer->is_rsa)
        ok = EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, signer->key) &&
             EVP_DigestSign(context, octets, &len, (const uint8_t *)input.ptr, input.len);
    else
        ok = EVP_DigestSignInit(context, NULL, NULL, NULL, signer->key) &&
             EVP_DigestSign(context, octets, &len, hash, sizeof hash); /* RFC 8463 section 3: over the hash */
    EVP_MD_CTX_free(context);
    if (ok != 1) abort();
    return base64(octets, len);
}

struct span signer_sign(const struct signer *signer, const struct signing *how, struct span message) {
    const char *end = memmem(message.ptr, message.len, "\r\n\r\n", 4);
    struct span head = end != NULL ? span_first(message, (size_t)(end - message.ptr) + 2) : message;
    struct span body = end != NULL ? span_after(message, head.len + 2) : (struct span){"", 0};
    struct text canonical = canonical_body(body.ptr, body.len, how->simple_body);
    size_t hashed = how->has_limit && how->limit < canonical.len ? how->limit : canonical.len;
    uint8_t hash[32];
    SHA256((const uint8_t *)canonical.ptr, hashed, hash);
    char *bh = base64(hash, sizeof hash), limit[32] = "", field[4096];
    if (how->has_limit) snprintf(limit, sizeof limit, " l=%zu;", how->limit);
    const char *names = how->signed_names != NULL ? how->signed_names : "from:to:subject:date";
    const char *algorithm = how->algorithm != NULL ? how->algorithm : signer->is_rsa ? "rsa-sha256" : "ed25519-sha256";
    snprintf(field, sizeof field, "DKIM-Signature: v=1; a=%s; c=%s/%s; d=%s; s=%s;%s %s\r\n\th=%s;\r\n\tbh=%s; b=", algorithm,
             how->simple_header ? "simple" : "relaxed", how->simple_body ? "simple" : "relaxed",
             how->domain != NULL ? how->domain : "d.example", how->selector != NULL ? how->selector : "sel", limit,
             how->more_tags != NULL ? how->more_tags : "", names, bh);
    struct text input = header_input(how, names, head, field);
    char *b = signature_over(signer, input);
    struct text out = {NULL, 0};
    put_text(&out, field);
    put_text(&out, b);
    put_text(&out, "\r\n");
    put(&out, message.ptr, message.len);
    free(b), free(bh), free(input.ptr), free(canonical.ptr);
    return (struct span){out.ptr, out.len};
}
