# `cpack -G DEB` in a build directory makes the Debian package: the program and what C++ projects need.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME equipoise)
set(CPACK_PACKAGE_CONTACT "The Equipoise authors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"The program equipoise, and the library behind it with its header files and CMake package: networks
with batch, layer, group, instance or RMS normalization, what they are made of and how they run.")
# What the program, or a shared library, is linked with, is found by dpkg-shlibdeps.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
if(NOT BUILD_SHARED_LIBS)
  # It cannot see what a static library leaves to its user to link.
  set(CPACK_DEBIAN_PACKAGE_DEPENDS "libhwy-dev (>= 1.0.3), libfmt-dev (>= 9.1), libdnnl-dev (>= 2.6), libonnx-dev (>= 1.12), libprotobuf-dev, zlib1g-dev, libjpeg62-turbo-dev, libpng-dev, libwebp-dev")
endif()

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_PACKAGE_NAME}
  RENAME copyright)

include(CPack)
