# Builds and runs the consumer against an installed copy of BUILD_DIR and nothing else of the repository: with all
# of the library, and with normalization alone, where the packages of the rest are not to be found.
# cmake -D HOW=<install|deb> -D SOURCE_DIR=… -D BUILD_DIR=… -D WORK_DIR=… -D CXX_COMPILER=… -D CXX_FLAGS=…
#   -P installed_consumer.cmake
function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})

if(HOW STREQUAL "install")
  set(prefix ${WORK_DIR}/prefix)
  run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix})
else()
  set(prefix ${WORK_DIR}/root/usr)
  run(${CMAKE_CPACK_COMMAND} -G DEB --config ${BUILD_DIR}/CPackConfig.cmake -B ${WORK_DIR}/package)
  file(GLOB package ${WORK_DIR}/package/*.deb)
  run(dpkg-deb --info ${package})
  run(dpkg-deb --extract ${package} ${WORK_DIR}/root)
endif()

file(GLOB present RELATIVE ${SOURCE_DIR}/include ${SOURCE_DIR}/include/equipoise/*)
file(GLOB installed RELATIVE ${prefix}/include ${prefix}/include/equipoise/*)
if(NOT present STREQUAL installed)
  message(FATAL_ERROR "Public headers are ${present}\nbut ${installed} are installed: "
    "list each header under PUBLIC_HEADERS of its room (src/<room>/CMakeLists.txt).")
endif()

function(serve consumer_dir)
  run(${CMAKE_COMMAND} -S ${SOURCE_DIR}/tests/repository/consumer -B ${consumer_dir} -G Ninja
    -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${CXX_COMPILER} -DCMAKE_CXX_FLAGS=${CXX_FLAGS} ${ARGN})
  run(${CMAKE_COMMAND} --build ${consumer_dir})
  run(${CMAKE_CTEST_COMMAND} --test-dir ${consumer_dir} --output-on-failure --no-tests=error)
endfunction()

serve(${WORK_DIR}/consumer)
set(without)
foreach(package IN ITEMS Dnnl JPEG ONNX PNG Protobuf WebP ZLIB nlohmann_json)
  list(APPEND without -DCMAKE_DISABLE_FIND_PACKAGE_${package}=ON)
endforeach()
serve(${WORK_DIR}/consumer_of_norm -DONLY_NORM=ON ${without})
