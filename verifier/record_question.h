/* verifier/record_question.h -- what a check of key records is to find out, and from what: names, what the owner of the
 * domain brings (a provider's answer, a record that is not published, a message), what a filter has seen, and who else
 * is asked. Pure data. */
#pragma once
#include "verifier/dns.h"
#include "verifier/provider_answer.h"
#include "verifier/record_history.h"
#include "verifier/record_paste.h"
#include "verifier/record_signature.h"

enum { RECORD_VIEWS_MAX = 16, RECORD_QUESTIONS_MAX = 400 };

/* Somebody else's view of the same names. */
enum record_view_kind {
    RECORD_VIEW_RESOLVER, /* a resolver with a cache: what is published may not be visible there yet */
    RECORD_VIEW_SERVER,   /* one of the domain's name servers */
};
struct record_view {
    enum record_view_kind kind;
    struct span name; /* for people */
    struct dns_source *dns;
};

struct record_wish {
    struct span selector;
    struct span expected_cname; /* with or without final dot; empty: any, or what provider says */
};

/* All borrowed until the check is destroyed. Everything but domain may be absent. */
struct record_question {
    struct span domain; /* A- or U-labels */
    size_t count;
    const struct record_wish *wish; /* none: those that provider names */
    const struct provider_answer *provider;
    const struct record_paste *record; /* judged in the place of the first selector's records */
    bool has_message;                  /* signature are those of one message, perhaps none */
    size_t signature_count;
    const struct record_signature *signature;
    struct span message;               /* all of it, to try record on; header fields alone will do; empty: none */
    bool message_has_body;
    size_t history_count;
    const struct record_history *history;
    int64_t now_s; /* wall clock, for history */
    size_t view_count;
    const struct record_view *view;
    size_t questions_max; /* 0: RECORD_QUESTIONS_MAX */
};
