# How everything of the project is compiled. Linked privately by each target, never exported.
add_library(equipoise_options INTERFACE)
target_compile_features(equipoise_options INTERFACE cxx_std_20)
target_compile_options(equipoise_options INTERFACE
  -Wall
  -Wextra
  -Wpedantic
  -Wconversion
  -Wshadow
  -Wold-style-cast
  -Wcast-qual
  -Wextra-semi
  -Wnon-virtual-dtor
  -Woverloaded-virtual
  -Wundef
  $<$<BOOL:${EQUIPOISE_WERROR}>:-Werror>)
