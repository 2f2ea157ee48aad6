/* http/message_facts.h -- what a message's header section says, taken apart for people: who wrote it, the way it took, and
 * its DKIM signatures tag by tag with the texts that were signed. Part of making a tester_report.
 * Pure but for arena, where new texts live; other spans point into the section. Limits: those of tester_report.h. */
#pragma once
#include "base/arena.h"
#include "http/tester_report.h"
#include "verifier/header_section.h"

/* The first field called name, unfolded and cut; empty: there is none, or the arena is spent. */
struct tester_text message_fact_field(const struct header_section *section, const char *name, struct arena *arena);
/* Fills at most TESTER_STEPS_MAX steps, topmost Received field first, and returns how many. */
size_t message_fact_steps(const struct header_section *section, struct tester_step step[TESTER_STEPS_MAX]);
/* Tags and canonical texts of result's field; all else of *out is left alone. has_body: body is the message's. */
void message_fact_signature(const struct header_section *section, bool has_body, struct span body, const struct dkim_result *result,
                            struct arena *arena, struct tester_signature *out);
