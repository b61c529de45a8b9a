# equipoise_add_room(<name> [STANDALONE]
#   [PUBLIC_HEADERS <file in include/equipoise>...]
#   SOURCES <file>...
#   [LINK <third-party target>...])
#
# Adds the room in the current directory: an OBJECT library `equipoise_<name>` whose objects go into
# the library `equipoise`, and with STANDALONE into `equipoise_norm_library` as well. Rooms see each
# other's headers as "room/header.h"; which room may include which is in tests/repository/rooms.txt.
function(equipoise_add_room name)
  cmake_parse_arguments(PARSE_ARGV 1 room "STANDALONE" "" "PUBLIC_HEADERS;SOURCES;LINK")
  set(target equipoise_${name})

  add_library(${target} OBJECT ${room_SOURCES})
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PRIVATE equipoise_options ${room_LINK})

  list(TRANSFORM room_PUBLIC_HEADERS PREPEND ${PROJECT_SOURCE_DIR}/include/equipoise/)
  set(libraries equipoise)
  if(room_STANDALONE)
    list(APPEND libraries equipoise_norm_library)
  endif()
  foreach(library IN LISTS libraries)
    target_sources(${library}
      PRIVATE $<TARGET_OBJECTS:${target}>
      PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${room_PUBLIC_HEADERS})
    target_link_libraries(${library} PRIVATE ${room_LINK})
  endforeach()

  target_sources(equipoise_internals INTERFACE $<TARGET_OBJECTS:${target}>)
  target_link_libraries(equipoise_internals INTERFACE ${room_LINK})
endfunction()
