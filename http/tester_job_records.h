/* http/tester_job_records.h -- the records of one piece of the tester's work: the keys of the domains that signed a
 * message, or those that somebody asks about, then with the domain's SPF and DMARC. A question that names no selector is
 * about those that the statistics know, and those records. Part of tester_job. Thread rule: that of the dns_source. */
#pragma once
#include "base/arena.h"
#include "http/tester_report.h"
#include "http/tester_request.h"
#include "verifier/header_section.h"
#include "verifier/record_check.h"

struct domain_policy_lookup;
struct domain_stats;

struct job_records {
    struct arena *arena;
    struct dns_source *dns;
    void (*done)(void *owner); /* one check is over, later than it was begun */
    void *owner;
    int64_t now_s;
    struct domain_stats *domains; /* when which selector signed; NULL: not known */
    size_t count, pending;
    struct record_check *check[TESTER_RECORDS_MAX];
    struct domain_policy_lookup *policies; /* of a question's domain; NULL: none */
    struct span domain;                    /* that one, as A-labels */
    bool is_without_keys;                  /* there is no selector to ask for */
};

/* All is borrowed until release. */
void job_records_init(struct job_records *records, struct arena *arena, struct dns_source *dns, int64_t now_s,
                      void (*done)(void *owner), void *owner);
void job_records_release(struct job_records *records);
/* Begins checks of the domains of result's signatures, TESTER_RECORDS_MAX of them. */
void job_records_of_message(struct job_records *records, const struct header_section *section, const struct message_result *result);
void job_records_of_question(struct job_records *records, const struct tester_question *question);
/* Time is up: what is pending ends with what it has. */
void job_records_expire(struct job_records *records);
/* Fills the reports of the checks that brought one and returns how many. A question has one at most. */
size_t job_records_reports(const struct job_records *records, struct record_report report[TESTER_RECORDS_MAX]);
