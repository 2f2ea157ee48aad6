# libsceau for other programs: the core behind verifier/sceau.h. The shared library takes from the archive only what that
# header needs (no event loop, no resolver) and exports nothing but SCEAU_API names; the static one is the whole archive.
add_library(sceau_shared SHARED verifier/sceau.c)
target_link_libraries(sceau_shared PRIVATE sceau_verifier)
target_link_options(sceau_shared PRIVATE -Wl,--exclude-libs,ALL -Wl,--as-needed)
if(NOT SCEAU_SANITIZE)
    target_link_options(sceau_shared PRIVATE -Wl,-z,defs) # a sanitizer's own symbols come with the program
endif()
set_target_properties(sceau_shared PROPERTIES OUTPUT_NAME sceau VERSION ${PROJECT_VERSION} SOVERSION 0)

add_library(sceau_static STATIC $<TARGET_OBJECTS:sceau_base> $<TARGET_OBJECTS:sceau_verifier>)
set_target_properties(sceau_static PROPERTIES OUTPUT_NAME sceau)

configure_file(cmake/libsceau.pc.in ${PROJECT_BINARY_DIR}/libsceau.pc @ONLY)
install(TARGETS sceau_shared sceau_static LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES verifier/sceau.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_BINARY_DIR}/libsceau.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
