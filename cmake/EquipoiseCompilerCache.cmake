# Compiles through ccache where it is installed, unless the caller chose a launcher.
if(PROJECT_IS_TOP_LEVEL AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(EQUIPOISE_CCACHE ccache)
  mark_as_advanced(EQUIPOISE_CCACHE)
  if(EQUIPOISE_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${EQUIPOISE_CCACHE})
  endif()
endif()
