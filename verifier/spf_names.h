/* verifier/spf_names.h -- steps of an SPF check: the validated names of the client (RFC 7208 section 5.5), for ptr and
 * %{p}. The PTR names of its address, ten at most, each asked whether it leads back to the address. Found out at most
 * once in a check; a lookup that fails makes no name valid, and is no error. */
#pragma once
#include "verifier/spf_machine.h"

enum spf_step spf_names_ask(struct spf_check *check);
enum spf_step spf_names_read(struct spf_check *check);
enum spf_step spf_names_ask_host(struct spf_check *check);
enum spf_step spf_names_read_host(struct spf_check *check);
