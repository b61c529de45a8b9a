include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/equipoise)

# An export for each component, whose file names only what that one needs.
install(TARGETS equipoise
  EXPORT equipoise-targets
  ARCHIVE LIBRARY RUNTIME
  FILE_SET HEADERS)
install(TARGETS equipoise_norm_library
  EXPORT equipoise-norm-targets
  ARCHIVE LIBRARY RUNTIME
  FILE_SET HEADERS)
install(EXPORT equipoise-targets NAMESPACE equipoise:: DESTINATION ${package_dir})
install(EXPORT equipoise-norm-targets NAMESPACE equipoise:: DESTINATION ${package_dir})

if(EQUIPOISE_BUILD_PROGRAM)
  install(TARGETS equipoise_program)
endif()

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/equipoise-config.cmake.in
  ${PROJECT_BINARY_DIR}/equipoise-config.cmake
  INSTALL_DESTINATION ${package_dir})
# Before 1.0, a new minor version may break its users.
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/equipoise-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/equipoise-config.cmake
  ${PROJECT_BINARY_DIR}/equipoise-config-version.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindDnnl.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindWebP.cmake
  DESTINATION ${package_dir})
