# What the library itself links. The installed package repeats it (equipoise-config.cmake.in): a
# static library leaves its dependencies to whoever links it.
find_package(hwy 1.0.3 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(Dnnl 2.6 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(WebP REQUIRED)
find_package(Protobuf 3.21 REQUIRED)
find_package(ONNX 1.12 REQUIRED)  # its targets name Protobuf's
find_package(nlohmann_json 3.11 REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)  # whatever runs our loops, it runs oneDNN's

if(EQUIPOISE_THREADING STREQUAL "openmp")
  set(EQUIPOISE_THREADING_TARGET OpenMP::OpenMP_CXX)
elseif(EQUIPOISE_THREADING STREQUAL "std")
  set(THREADS_PREFER_PTHREAD_FLAG ON)
  find_package(Threads REQUIRED)
  set(EQUIPOISE_THREADING_TARGET Threads::Threads)
else()
  message(FATAL_ERROR "EQUIPOISE_THREADING is '${EQUIPOISE_THREADING}'; it must be 'openmp' or 'std'.")
endif()
