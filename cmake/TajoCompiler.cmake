# Language level, warnings, sanitizers: what every target gets.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)  # __int128
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
find_program(TAJO_CCACHE ccache)
if(TAJO_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${TAJO_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${TAJO_CCACHE})
endif()

option(TAJO_WERROR "warnings are errors" ON)
set(TAJO_SANITIZE "" CACHE STRING "address or thread")

add_library(tajo_compile_options INTERFACE)
# Conversions are checked in our code; system headers are marked SYSTEM where they are imported.
target_compile_options(tajo_compile_options INTERFACE -Wall -Wextra -Wpedantic -Wno-pedantic -Wconversion -Wno-sign-conversion
  -Wno-restrict)  # g++ 12 reports it falsely inside std::string operator+ (GCC bug 105651)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
  # g++ 14 at -O3 reports it falsely where std::vector::insert follows a reserve().
  target_compile_options(tajo_compile_options INTERFACE -Wno-free-nonheap-object)
endif()
if(TAJO_WERROR)
  target_compile_options(tajo_compile_options INTERFACE -Werror)
endif()
if(TAJO_SANITIZE)
  target_compile_options(tajo_compile_options INTERFACE -fsanitize=${TAJO_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(tajo_compile_options INTERFACE -fsanitize=${TAJO_SANITIZE})
endif()
