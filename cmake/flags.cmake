# Compiler flags of every target, as one interface library. The presets choose: SCEAU_SANITIZE, SCEAU_FUZZ.
set(SCEAU_SANITIZE "" CACHE STRING "sanitizers, as in -fsanitize=")
option(SCEAU_FUZZ "build the libFuzzer targets (needs clang)" OFF)
option(SCEAU_WERROR "treat warnings as errors" ON)

add_library(sceau_flags INTERFACE)
target_include_directories(sceau_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(sceau_flags INTERFACE _GNU_SOURCE SCEAU_VERSION="${PROJECT_VERSION}")
target_compile_options(sceau_flags INTERFACE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings
    -Wundef -Wvla -Wformat=2 -Wno-format-nonliteral -Wno-missing-field-initializers -fno-strict-aliasing
    -fno-common)
if(SCEAU_WERROR)
    target_compile_options(sceau_flags INTERFACE -Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
    set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
    target_compile_options(sceau_flags INTERFACE
        -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -U_FORTIFY_SOURCE
        -D_FORTIFY_SOURCE=3 $<$<C_COMPILER_ID:GNU>:-ftrivial-auto-var-init=zero>)
    target_link_options(sceau_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
if(SCEAU_SANITIZE)
    target_compile_options(sceau_flags INTERFACE -fsanitize=${SCEAU_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all)
    target_link_options(sceau_flags INTERFACE -fsanitize=${SCEAU_SANITIZE})
endif()
if(SCEAU_FUZZ)
    target_compile_options(sceau_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
