/* verifier/auth_results_style.h -- the two shapes of our Authentication-Results field (docs/authentication-results.md). */
#pragma once

/* STANDARD: all that there is to say, folded at 78. PROVIDER: the short shape that large mailbox providers show, one line
 * a result: dkim without comment, header.d and header.a; SPF told in a sentence that names address and client, where these
 * hold safe characters only; no iprev, and neither arc nor dmarc when they found nothing to say. */
enum auth_results_style { AUTH_RESULTS_STANDARD, AUTH_RESULTS_PROVIDER };
