# Compiles through ccache where it is installed, unless the caller chose a launcher. Paths in the
# project count from its root, so that clones and work trees share what was compiled.
if(PROJECT_IS_TOP_LEVEL AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(EQUIPOISE_CCACHE ccache)
  mark_as_advanced(EQUIPOISE_CCACHE)
  if(EQUIPOISE_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${EQUIPOISE_CCACHE})
  endif()
endif()
