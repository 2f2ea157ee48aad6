# SCEAU_REVISION, a C expression: the commit that is built, or NULL where there is no work tree of ours. A packager whose
# sources come without one gives -DSCEAU_REVISION_TEXT=....
set(SCEAU_REVISION_TEXT "" CACHE STRING "What the sources are, when no git work tree tells")
set(revision "${SCEAU_REVISION_TEXT}")
find_program(GIT git)
if(GIT AND revision STREQUAL "" AND EXISTS ${PROJECT_SOURCE_DIR}/.git)
    execute_process(COMMAND ${GIT} rev-parse --short=12 HEAD WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
        OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    # A new commit is noticed: git writes a line there for each.
    execute_process(COMMAND ${GIT} rev-parse --git-path logs/HEAD WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
        OUTPUT_VARIABLE log OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    cmake_path(ABSOLUTE_PATH log BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
    if(EXISTS ${log})
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${log})
    endif()
endif()
if(revision STREQUAL "")
    set(SCEAU_REVISION "NULL")
else()
    set(SCEAU_REVISION "\"${revision}\"")
endif()
