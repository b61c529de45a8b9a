# `cpack -G DEB` in a build directory makes the Debian development package.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libequipoise-dev)
set(CPACK_PACKAGE_CONTACT "The Equipoise authors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION} (development files)")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Batch, layer, group, instance and RMS normalization, forward and backward, with
residual addition and activation fused in. Header files, library and CMake package.")
if(BUILD_SHARED_LIBS)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
else()
  # A static library has no dependencies that dpkg-shlibdeps could see: its user links them.
  set(CPACK_DEBIAN_PACKAGE_DEPENDS "libhwy-dev (>= 1.0.3), libfmt-dev (>= 9.1), libdnnl-dev (>= 2.6), zlib1g-dev")
endif()

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_PACKAGE_NAME}
  RENAME copyright)

include(CPack)
