/* base/options.h -- the daemon's configuration: read, checked, immutable (design.md section 12).
 * options.c is the only file that includes confuse.h. Every option is one row of options.def (section, key, kind, unit,
 * least, most, default, help); docs and --dump are made from the same rows.
 * Errors name file, line, key and, for an unknown key, the nearest known one. Thread rule: immutable once read; shared
 * by reference count. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum listener_protocol { LISTENER_SMTP, LISTENER_LMTP };
enum downstream_kind { DOWNSTREAM_SMTP, DOWNSTREAM_LMTP, DOWNSTREAM_MAILDIR };

struct endpoint { /* where to listen or connect */
    bool is_unix;
    char host[256];  /* address or name; unix: unused */
    uint16_t port;
    char path[108];  /* unix socket */
};
bool endpoint_parse(const char *text, struct endpoint *out); /* "127.0.0.1:25", "[::1]:25", "unix:/run/x" */

struct network { uint8_t address[16]; unsigned prefix_bits; bool is_v4; }; /* CIDR */
bool network_parse(const char *text, struct network *out);
/* address: 4 octets (is_v4) or 16; a v4-mapped v6 address is matched as v4. */
bool network_contains(const struct network *network, const uint8_t *address, bool is_v4);

struct string_list { size_t count; char **item; };

struct listener_options {
    char *name;
    enum listener_protocol protocol;
    struct endpoint listen;
    enum downstream_kind downstream_kind;
    struct endpoint downstream; /* SMTP, LMTP */
    char *maildir;              /* MAILDIR: its path */
    size_t trust_count;
    struct network *trust;      /* may speak XFORWARD */
    bool reject_line_ends;      /* line_ends = reject: bare CR, LF or NUL get 550; else they pass as content */
};

struct options {
    char *authserv_id;
    size_t listener_count;
    struct listener_options *listener;
    struct string_list dns_forward, dns_stub, dns_zone_files; /* "ADDR@PORT", "ZONE=ADDR@PORT", paths */
    char *dns_mode;        /* "recurse", "forward", "stub" or "zones" */
    char *dns_trust_anchor;/* file; "" = system's root anchor; "none" = validation off */
    struct endpoint http_listen;
    bool http_enabled;
    char *log_format;      /* "logfmt" or "json" */
#define OPTION(field, section, key, kind, least, most, standard, help) int64_t field;
#include "base/options.def"
#undef OPTION
};

/* Reads path. NULL: *error (caller frees) holds one sentence "FILE:LINE: ...". Counted: one reference. */
struct options *options_read(const char *path, char **error);
struct options *options_acquire(struct options *options);
void options_release(struct options *options); /* accepts NULL */
/* Prints the effective configuration, defaults included, in the file's own syntax (sceaud --dump). */
void options_dump(const struct options *options, FILE *out);
