/* base/options.h -- the daemon's configuration: read, checked, immutable. Users read docs/configuration.md.
 * options.c is the only file that includes confuse.h. Every option is one row of options.def; docs and --dump are made
 * from the same rows. Options of features that this version lacks are refused, never silently ignored.
 * Errors are one sentence with file, line, key and, for an unknown key, the nearest known one.
 * Thread rule: options_read from one thread at a time (libconfuse's scanner is global); what it returns is immutable,
 * shared by reference count from any thread. Limits: files of 1 MiB, 64 listeners, 1,000 items in a list. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/endpoint.h"

enum listener_protocol { LISTENER_SMTP, LISTENER_LMTP };
enum downstream_kind { DOWNSTREAM_SMTP, DOWNSTREAM_LMTP, DOWNSTREAM_MAILDIR, DOWNSTREAM_TESTER };

/* In order: each wants more than the one before. VERIFY is for downstream only. */
enum tls_policy { TLS_OFF, TLS_MAY, TLS_REQUIRE, TLS_VERIFY };

struct string_list { size_t count; char **item; };
struct endpoint_list { size_t count; struct endpoint *item; };

/* Bits of listener_options.without. */
enum { LISTENER_WITHOUT_SPF = 1, LISTENER_WITHOUT_IPREV = 2, LISTENER_WITHOUT_DMARC = 4 };

struct listener_options {
    char *name;
    enum listener_protocol protocol;
    struct endpoint listen;
    bool has_socket_mode;
    unsigned socket_mode;       /* 0..0777 */
    enum downstream_kind downstream_kind;
    struct endpoint downstream; /* SMTP, LMTP */
    char *maildir;              /* MAILDIR: its path */
    size_t trust_count;
    struct network *trust;      /* may speak XFORWARD and XCLIENT */
    size_t proxy_from_count;
    struct network *proxy_from; /* must begin with a PROXY header */
    enum tls_policy tls, downstream_tls;
    char *tls_certificate, *tls_key; /* files; there unless tls is off */
    char *downstream_ca;             /* file; NULL: the system's */
    unsigned without;           /* checks that are left out */
    bool reject_line_ends;      /* line_ends = reject: bare CR, LF or NUL get 550; else they pass as content */
};

struct options {
    char *authserv_id;
    char *user, *group;    /* "": not given; names or numbers, not looked up */
    char *spool_directory; /* "": /var/spool/sceau, or a folder of our own under TMPDIR where that cannot be made */
    size_t listener_count;
    struct listener_options *listener;
    struct string_list dns_forward, dns_stub, dns_zone_files; /* "ADDR@PORT", "ZONE=ADDR@PORT", paths */
    char *dns_mode;        /* "recurse", "forward", "stub" or "zones" */
    char *dns_trust_anchor;/* file; "" = system's root anchor; "none" = validation off */
    struct endpoint_list http_listen, http_metrics_listen; /* empty: off */
    char *http_access_file; /* "": none */
    struct string_list http_domains_always;
    char *http_history;     /* file; "": off */
    char *log_format;      /* "logfmt" or "json" */
    char *log_events;      /* file, or "unix:PATH"; "": none */
    char *results_style;   /* "standard" or "provider" */
    char *arc_domain, *arc_selector, *arc_key_file; /* "": not given; names as they were written */
    char *arc_next_selector, *arc_next_key_file;
    struct string_list arc_trusted_sealers;
    struct string_list rules_file;       /* paths */
    struct string_list rules_quarantine; /* "NAME=maildir:PATH", names that differ */
    char *tester_domain, *tester_base_url; /* "": not given */
    struct endpoint_list tester_listen;    /* empty: off */
#define OPTION(field, section, key, kind, least, most, standard, help) int64_t field;
#include "base/options.def"
};

/* Reads path. NULL: *error (caller frees; NULL without memory) holds one sentence "FILE:LINE: ...", or "FILE: ..." when
 * no line is to blame. The result is counted: one reference. Names are not looked up, other files not opened. */
struct options *options_read(const char *path, char **error);
/* Every option at its default, no listener, one reference; what options_read starts from. NULL: no memory. */
struct options *options_create(void);
struct options *options_acquire(struct options *options);
void options_release(struct options *options); /* accepts NULL */
/* Octets that sessions and messages may take in memory: what limits.memory leaves. Negative: not even what must be there
 * fits. */
int64_t options_message_memory(const struct options *options);
/* Prints the effective configuration, defaults included, in the file's own syntax (sceaud --dump). */
void options_dump(const struct options *options, FILE *out);

/* Frees what listener owns and makes it one with nothing but defaults. */
void listener_options_clear(struct listener_options *listener);
void string_list_clear(struct string_list *list); /* frees the items as well */
/* Replaces *field by a copy of text. False: no memory, *field is as before. */
bool options_set_text(char **field, const char *text);
