/* bench/input.h -- what a benchmark reads, or else gives up: there is nothing to measure with half of it. */
#pragma once
#include <stdbool.h>
#include "base/bytes.h"

/* Unless ok, says what on standard error behind the program's name, and ends the program with 1. */
void require(bool ok, const char *what);
/* Appends the whole file to *out. */
void read_file(const char *path, struct bytes *out);
