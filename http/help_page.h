/* http/help_page.h -- the help: each tag, cause, result and finding on an anchor of its own, written out of the tables
 * that the verifier itself speaks from, so none is ever missing. Anchors: "tag-signature-d", "cause-body_appended",
 * "dkim-body_hash_mismatch" (arc-, spf-, dmarc-), and a finding's name in the catalogue, "T-p2".
 * Appends to the reply's body, whose failure is sticky; no I/O, clock or lock. */
#pragma once
#include "http/exchange.h"
#include "http/page.h"
#include "verifier/finding.h"

void help_page_write(const struct http_request *request, struct http_reply *reply, enum language language);
/* Address of the help behind the language, "/help" or "/aide". */
struct span help_page_path(enum language language);
/* A link to the anchor of finding, saying its name. */
void help_page_link_finding(struct bytes *out, enum language language, enum finding_id finding);
