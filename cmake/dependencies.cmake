# Foreign libraries, one interface target each (the header of each is included in one file of its floor only).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(sceau_dependency name module)
    pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${module})
    add_library(dep_${name} INTERFACE)
    target_link_libraries(dep_${name} INTERFACE PkgConfig::${name})
endfunction()

sceau_dependency(libcrypto libcrypto)
sceau_dependency(libssl libssl)
sceau_dependency(libunbound libunbound)
sceau_dependency(libidn2 libidn2)
sceau_dependency(libconfuse libconfuse)
sceau_dependency(libpcre2 libpcre2-8)
sceau_dependency(libmicrohttpd libmicrohttpd)
sceau_dependency(zlib zlib)
sceau_dependency(sqlite3 sqlite3)
sceau_dependency(libcrypt libcrypt)
sceau_dependency(cmocka cmocka)

# The library that libunbound links too, so that both see one libevent; only its core (event2/event.h) is used.
find_library(EVENT event REQUIRED)
add_library(dep_libevent INTERFACE)
target_link_libraries(dep_libevent INTERFACE ${EVENT})
