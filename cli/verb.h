/* cli/verb.h -- the verbs of the command sceau. Each reads its own arguments, works, and returns the exit code. */
#pragma once
#include "cli/common_options.h"

enum cli_status verb_verify(int count, char **arguments);
enum cli_status verb_key(int count, char **arguments);
enum cli_status verb_results(int count, char **arguments);
enum cli_status verb_spf(int count, char **arguments);
enum cli_status verb_dmarc(int count, char **arguments);
enum cli_status verb_rules(int count, char **arguments);
