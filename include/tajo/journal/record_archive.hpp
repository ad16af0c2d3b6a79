#pragma once
#include <exception>
#include <sstream>
#include <string>

#include "tajo/common/bytes.hpp"
#include "tajo/common/error.hpp"

namespace tajo::journal {

/// A value as the archive `Output` lays it out. Archives are arguments: only `*_records.cpp` may see their library.
template <class Output, class T>
Bytes pack_record(const T& value) {
  std::ostringstream out;
  Output archive(out);
  archive(value);
  const std::string text = std::move(out).str();
  const ByteView view = as_bytes(text);
  return Bytes(view.begin(), view.end());
}

/// The value back; what the archive throws (`Failure`) becomes Error XX001 that begins with `what`.
template <class T, class Input, class Failure>
T unpack_record(ByteView bytes, const char* what) {
  std::istringstream in{std::string(as_text(bytes))};
  T value;
  try {
    Input archive(in);
    archive(value);
  } catch (const Failure& e) {
    throw Error(sqlstate::kDataCorrupted, std::string(what) + " cannot be read: " + e.what());
  }
  return value;
}

}  // namespace tajo::journal
