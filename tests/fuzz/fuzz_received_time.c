/* The date of a Received field against any octets; a time that is read lies in the years that are read. */
#include <stdint.h>
#include <stdlib.h>
#include "verifier/received_time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int64_t unix_s;
    const int64_t zone_s = 100 * 3600;
    if (received_time_read((struct span){(const char *)data, size}, &unix_s) && (unix_s < -zone_s || unix_s > 253402300800 + zone_s)) abort();
    return 0;
}
