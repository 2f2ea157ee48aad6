# Foreign libraries, one interface target each (the header of each is included in one file of its floor only).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(sceau_dependency name module)
    pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${module})
    add_library(dep_${name} INTERFACE)
    target_link_libraries(dep_${name} INTERFACE PkgConfig::${name})
endfunction()

sceau_dependency(libcrypto libcrypto)
sceau_dependency(libunbound libunbound)
sceau_dependency(libidn2 libidn2)
sceau_dependency(libconfuse libconfuse)
sceau_dependency(libmicrohttpd libmicrohttpd)
sceau_dependency(zlib zlib)
sceau_dependency(cmocka cmocka)

# libevent's core only: no bufferevents, no DNS, no HTTP of its.
find_library(EVENT_CORE event_core REQUIRED)
add_library(dep_libevent INTERFACE)
target_link_libraries(dep_libevent INTERFACE ${EVENT_CORE})
