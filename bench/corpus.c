#include "bench/corpus.h"
#include <stdio.h>
#include <stdlib.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include "base/ascii.h"
#include "base/base64.h"

enum { TEXT_MAX = 64 * 1024 * 1024, TIMESTAMP = 1767225600 };

#define DOMAIN "news.example.com"

static void require(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "bench: %s failed\n", what);
    exit(1);
}

const char *corpus_body_name(enum corpus_body body) {
#define X(id, name) [id] = name,
    static const char *const names[] = {CORPUS_BODIES(X)};
#undef X
    return names[body];
}

/* ---- Bodies: a small generator of numbers (splitmix64), so that every machine measures the same octets ---- */

static uint64_t next(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t bound) { return (size_t)(next(state) % bound); }

static const char *word(uint64_t *state) {
    static const char *const words[] = {"the",   "letter", "of",    "a",       "seal",   "and",  "delivery", "mailbox", "for",
                                        "every", "is",     "order", "invoice", "please", "read", "message",  "your",    "with",
                                        "on",    "Monday", "we",    "have",    "signed", "this", "account",  "team",    "in"};
    return words[below(state, sizeof words / sizeof *words)];
}

static void append_base64_line(struct bytes *out, uint64_t *state) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < 76; i++) bytes_append_char(out, alphabet[next(state) % 64]);
    bytes_append_text(out, "\r\n");
}

static void append_text_line(struct bytes *out, uint64_t *state) {
    size_t start = out->len, kind = below(state, 12);
    if (kind == 0) bytes_append_text(out, "> ");
    if (kind == 1) bytes_append_text(out, "  * ");
    if (kind != 2) /* an empty line */
        while (out->len - start < 62) {
            size_t ending = below(state, 14);
            bytes_append_text(out, word(state));
            bytes_append_text(out, ending == 0 ? ".  " : ending == 1 ? ", " : " ");
        }
    if (kind != 2 && kind != 3) out->len--; /* without the last blank, but for one line in twelve */
    bytes_append_text(out, "\r\n");
}

static void append_html_line(struct bytes *out, uint64_t *state) {
    size_t indent = 2 * below(state, 14);
    bool tabs = below(state, 8) == 0;
    for (size_t i = 0; i < (tabs ? indent / 4 : indent); i++) bytes_append_char(out, tabs ? '\t' : ' ');
    switch (below(state, 4)) {
    case 0: bytes_append_text(out, "</td></tr>\r\n"); return;
    case 1: bytes_append_format(out, "<p>%s %s %s %s</p>\r\n", word(state), word(state), word(state), word(state)); return;
    case 2: bytes_append_text(out, "<tr>\r\n"); return;
    default:
        bytes_append_format(out, "<td class=\"%s-%s\" style=\"padding:0 %zupx;color:#333333;font-family:Arial,sans-serif\">%s\r\n",
                            word(state), word(state), below(state, 40), word(state));
    }
}

void corpus_append_body(struct bytes *out, enum corpus_body body, size_t len, uint64_t seed) {
    static void (*const append_line[])(struct bytes *, uint64_t *) = {
        [CORPUS_BASE64] = append_base64_line, [CORPUS_TEXT] = append_text_line, [CORPUS_HTML] = append_html_line};
    size_t end = out->len + len;
    while (!out->failed && out->len < end) append_line[body](out, &seed);
    require(!out->failed, "memory for a body");
    out->len = end - 2;
    if (out->ptr[out->len - 1] == '\r') out->ptr[out->len - 1] = '.'; /* no bare CR where a line end was cut */
    bytes_append_text(out, "\r\n");
}

/* ---- The header section ---- */

static const char fields_above[] =
    "Return-Path: <bounce-7712-4455@" DOMAIN ">\r\n"
    "Received: from mx3.example.net (mx3.example.net [192.0.2.33])\r\n"
    "\tby mail.example.org (Postfix) with ESMTPS id 4XyZ1c3Qk2z9sRt\r\n"
    "\tfor <reader@example.org>; Thu,  1 Jan 2026 00:00:09 +0000 (UTC)\r\n"
    "Received: from out7.example.com (out7.example.com [198.51.100.7])\r\n"
    "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n"
    "\tby mx3.example.net (Postfix) with ESMTPS id 4XyZ1b5J0Tz3kQm\r\n"
    "\tfor <reader@example.org>; Thu,  1 Jan 2026 00:00:06 +0000 (UTC)\r\n"
    "Received: by out7.example.com with SMTP id 5b1f17b1804b1-47d1d0f5e8amr33;\r\n"
    "        Wed, 31 Dec 2025 16:00:05 -0800 (PST)\r\n"
    "Authentication-Results: mx3.example.net; spf=pass\r\n"
    " smtp.mailfrom=" DOMAIN "; dmarc=pass header.from=" DOMAIN "\r\n"
    "X-Spam-Status: No, score=-2.1 required=5.0 tests=HTML_MESSAGE,SPF_PASS,\r\n"
    "\tT_SCC_BODY_TEXT_LINE autolearn=ham autolearn_force=no version=4.0.0\r\n";

static const char fields_below[] =
    "From: \"The  Letter Seal Team\" <newsletter@" DOMAIN ">\r\n"
    "Sender: newsletter@" DOMAIN "\r\n"
    "To: A Reader <reader@example.org>\r\n"
    "Cc: Another Reader <another.reader@example.org>,\r\n"
    "\tThird Reader <third.reader@example.org>\r\n"
    "Reply-To: support@" DOMAIN "\r\n"
    "Subject: Your order of sealed letters has been shipped,\r\n"
    " and what else happened this week\r\n"
    "Date: Wed, 31 Dec 2025 16:00:04 -0800\r\n"
    "Message-ID: <20251231160004.7712.4455@" DOMAIN ">\r\n"
    "In-Reply-To: <20251230110000.7711.4454@" DOMAIN ">\r\n"
    "References: <20251228110000.7700.4400@" DOMAIN ">\r\n"
    " <20251230110000.7711.4454@" DOMAIN ">\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/alternative;\r\n"
    "\tboundary=\"----=_Part_7712_4455_1767225604\"; charset=\"UTF-8\"\r\n"
    "Content-Transfer-Encoding: 8bit\r\n"
    "List-Id: Weekly letters <weekly." DOMAIN ">\r\n"
    "List-Unsubscribe: <https://" DOMAIN "/u/7712/4455?t=b0d2f1c4e5a6978812>,\r\n"
    "\t<mailto:unsubscribe-7712-4455@" DOMAIN ">\r\n"
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    "Feedback-ID: 7712:4455:weekly:example\r\n"
    "X-Mailer: Letterpress 4.2 (build 1187)\r\n";

/* From is named twice: one more cannot be added (section 8.15). */
static const char *const signed_names[] = {
    "From", "To",         "Cc",           "Subject",      "Date",    "Message-ID",       "MIME-Version",          "Content-Type",
    "From", "References", "In-Reply-To",  "Reply-To",     "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID",
};

static void append_relaxed_field(struct bytes *out, struct span name, struct span body) {
    for (size_t i = 0; i < name.len; i++) bytes_append_char(out, ascii_lower(name.ptr[i]));
    bytes_append_char(out, ':');
    bool blank = false;
    body = span_trim(body);
    for (size_t i = 0; i < body.len; i++) { /* no bare CR or LF in here */
        if (ascii_is_space(body.ptr[i])) {
            blank = true;
            continue;
        }
        if (blank) bytes_append_char(out, ' ');
        blank = false;
        bytes_append_char(out, body.ptr[i]);
    }
}

/* The field, without its last CRLF. */
static void append_field(struct bytes *out, enum canonicalization kind, struct span field) {
    size_t colon = span_find(field, ':');
    if (kind == CANON_SIMPLE) bytes_append(out, field);
    else append_relaxed_field(out, span_first(field, colon), span_after(field, colon + 1));
}

/* The field called name in fields_below, without its last CRLF. */
static struct span find_field(const char *name) {
    struct span rest = span_of(fields_below);
    size_t len = 0;
    for (size_t at = 0; at < rest.len; at += len) {
        len = 0;
        do len += span_find(span_after(rest, at + len), '\n') + 1;
        while (at + len < rest.len && ascii_is_wsp(rest.ptr[at + len]));
        struct span field = span_first(span_after(rest, at), len - 2);
        if (span_is_nocase(span_first(field, span_find(field, ':')), name)) return field;
    }
    require(false, name);
    return rest;
}

/* ---- Canonical body, line by line ---- */

static void append_relaxed_line(struct bytes *out, struct span line) {
    while (line.len > 0 && ascii_is_wsp(line.ptr[line.len - 1])) line.len--;
    for (size_t i = 0; i < line.len; i++)
        if (!ascii_is_wsp(line.ptr[i])) bytes_append_char(out, line.ptr[i]);
        else if (i == 0 || !ascii_is_wsp(line.ptr[i - 1])) bytes_append_char(out, ' ');
}

static void append_canonical_body(struct bytes *out, enum canonicalization kind, struct span body) {
    size_t content_end = 0; /* behind the last line that is not empty */
    for (size_t at = 0, len = 0; at < body.len; at += len + 2) { /* the corpus has no bare LF, and CRLF at the end */
        len = span_find(span_after(body, at), '\n') - 1;
        size_t start = out->len;
        struct span line = span_first(span_after(body, at), len);
        if (kind == CANON_SIMPLE) bytes_append(out, line);
        else append_relaxed_line(out, line);
        bool is_empty = out->len == start;
        bytes_append_text(out, "\r\n");
        if (!is_empty) content_end = out->len;
    }
    out->len = content_end;
}

/* ---- Signing ---- */

static const struct { const char *name, *algorithm; unsigned bits; } keys[] = {
#define X(id, name, algorithm, bits) [id] = {name, algorithm, bits},
    CORPUS_KEYS(X)
#undef X
};

const char *corpus_key_name(enum corpus_key key) { return keys[key].name; }

/* The selector is the key's name. */
struct corpus_signer {
    enum corpus_key key;
    EVP_PKEY *pkey;
    struct bytes question, record;
};

static bool is_rsa(const struct corpus_signer *signer) { return signer->key != CORPUS_ED25519; }

struct corpus_signer *corpus_signer_create(enum corpus_key key) {
    struct corpus_signer *signer = calloc(1, sizeof *signer);
    require(signer != NULL, "memory for a key");
    signer->key = key;
    signer->pkey = is_rsa(signer) ? EVP_RSA_gen(keys[key].bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    require(signer->pkey != NULL, "making a key");
    signer->record = signer->question = bytes_with_cap(4096);
    unsigned char *octets = NULL;
    int len = 0;
    if (is_rsa(signer)) {
        len = i2d_PUBKEY(signer->pkey, &octets);
    } else {
        size_t raw_len = 32;
        octets = OPENSSL_malloc(raw_len);
        if (octets != NULL && EVP_PKEY_get_raw_public_key(signer->pkey, octets, &raw_len) == 1) len = (int)raw_len;
    }
    require(len > 0, "writing a public key");
    bytes_append_format(&signer->question, "%s._domainkey." DOMAIN, keys[key].name);
    bytes_append_format(&signer->record, "v=DKIM1; k=%s; p=", keys[key].algorithm);
    base64_encode(&signer->record, (struct span){(const char *)octets, (size_t)len});
    OPENSSL_free(octets);
    return signer;
}

void corpus_signer_destroy(struct corpus_signer *signer) {
    EVP_PKEY_free(signer->pkey);
    bytes_release(&signer->question);
    bytes_release(&signer->record);
    free(signer);
}

struct span corpus_signer_question(const struct corpus_signer *signer) { return bytes_span(&signer->question); }
struct span corpus_signer_record(const struct corpus_signer *signer) { return bytes_span(&signer->record); }

static void hash(const struct bytes *octets, uint8_t value[DIGEST_OCTETS]) {
    require(EVP_Digest(octets->ptr, octets->len, value, NULL, EVP_sha256(), NULL) == 1, "hashing");
}

static void sign(const struct corpus_signer *signer, const uint8_t value[DIGEST_OCTETS], struct bytes *signature) {
    unsigned char octets[512];
    size_t len = sizeof octets;
    bool ok = false;
    if (is_rsa(signer)) {
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(signer->pkey, NULL);
        ok = context != NULL && EVP_PKEY_sign_init(context) == 1 &&
             EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
             EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
             EVP_PKEY_sign(context, octets, &len, value, DIGEST_OCTETS) == 1;
        EVP_PKEY_CTX_free(context);
    } else {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        ok = context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, signer->pkey) == 1 &&
             EVP_DigestSign(context, octets, &len, value, DIGEST_OCTETS) == 1;
        EVP_MD_CTX_free(context);
    }
    require(ok, "signing");
    bytes_append(signature, (struct span){(const char *)octets, len});
}

/* The DKIM-Signature field up to and with "b=". */
static void append_signature_field(struct bytes *out, const struct corpus_signer *signer, enum canonicalization kind,
                                   const struct bytes *canonical_body) {
    uint8_t body_hash[DIGEST_OCTETS];
    const char *word_of_kind = kind == CANON_SIMPLE ? "simple" : "relaxed";
    hash(canonical_body, body_hash);
    bytes_append_format(out,
                        "DKIM-Signature: v=1; a=%s-sha256; c=%s/%s; d=" DOMAIN ";\r\n\ts=%s; t=%d; i=@" DOMAIN
                        ";\r\n\tbh=",
                        keys[signer->key].algorithm, word_of_kind, word_of_kind, keys[signer->key].name, TIMESTAMP);
    base64_encode(out, (struct span){(const char *)body_hash, sizeof body_hash});
    bytes_append_text(out, ";\r\n\th=");
    for (size_t i = 0; i < sizeof signed_names / sizeof *signed_names; i++)
        bytes_append_format(out, "%s%s", i == 0 ? "" : i % 5 == 0 ? ":\r\n\t " : ":", signed_names[i]);
    bytes_append_text(out, ";\r\n\tb=");
}

static void append_folded(struct bytes *out, struct span text) {
    for (size_t at = 0; at < text.len; at += 72) {
        if (at > 0) bytes_append_text(out, "\r\n\t ");
        bytes_append(out, span_first(span_after(text, at), text.len - at < 72 ? text.len - at : 72));
    }
}

static void append_header_input(struct bytes *out, enum canonicalization kind, const struct bytes *signature_field) {
    bool from_taken = false;
    for (size_t i = 0; i < sizeof signed_names / sizeof *signed_names; i++) {
        bool is_from = strcmp(signed_names[i], "From") == 0;
        if (is_from && from_taken) continue; /* a second one is not there: the null string */
        from_taken |= is_from;
        append_field(out, kind, find_field(signed_names[i]));
        bytes_append_text(out, "\r\n");
    }
    append_field(out, kind, bytes_span(signature_field));
}

/* Appends the signature field to out->octets. */
static void append_signature(struct corpus_message *out, const struct corpus_signer *signer, enum canonicalization kind) {
    struct corpus_signature *signature = &out->signature[out->signature_count++];
    struct bytes field = bytes_with_cap(TEXT_MAX), base64 = field;
    uint8_t value[DIGEST_OCTETS];
    *signature = (struct corpus_signature){.header_input = field, .value = field};
    append_signature_field(&field, signer, kind, &out->canonical_body);
    append_header_input(&signature->header_input, kind, &field);
    hash(&signature->header_input, value);
    sign(signer, value, &signature->value);
    base64_encode(&base64, bytes_span(&signature->value));
    append_folded(&field, bytes_span(&base64));
    bytes_append(&out->octets, bytes_span(&field));
    bytes_append_text(&out->octets, "\r\n");
    require(!field.failed && !base64.failed && !signature->header_input.failed, "memory for a signature");
    bytes_release(&field);
    bytes_release(&base64);
}

void corpus_message_make(struct corpus_message *out, const struct corpus_recipe *recipe) {
    struct bytes body = bytes_with_cap(TEXT_MAX);
    *out = (struct corpus_message){.octets = body, .canonical_body = body};
    corpus_append_body(&body, recipe->body, recipe->body_len, recipe->seed);
    append_canonical_body(&out->canonical_body, recipe->canonicalization, bytes_span(&body));
    bytes_append_text(&out->octets, fields_above);
    for (size_t i = 0; i < CORPUS_SIGNATURES_MAX; i++)
        if (recipe->signer[i] != NULL) append_signature(out, recipe->signer[i], recipe->canonicalization);
    bytes_append_text(&out->octets, fields_below);
    bytes_append_text(&out->octets, "\r\n");
    bytes_append(&out->octets, bytes_span(&body));
    require(!out->octets.failed && !out->canonical_body.failed, "memory for a message");
    bytes_release(&body);
}

void corpus_message_release(struct corpus_message *message) {
    bytes_release(&message->octets);
    bytes_release(&message->canonical_body);
    for (size_t i = 0; i < message->signature_count; i++) {
        bytes_release(&message->signature[i].header_input);
        bytes_release(&message->signature[i].value);
    }
}
