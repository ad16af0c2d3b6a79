#pragma once
#include <string>
#include <vector>

#include "tajo/data/fragment.hpp"

namespace tajo::storage {

/// Files behind a file, directory (searched downwards, hidden names left out) or glob, sorted by path, with size and
/// mtime. Of a directory only files with one of the suffixes count, unless none has it. Error 58P01 when nothing is
/// there; at most kMaxExternalFiles.
inline constexpr std::size_t kMaxExternalFiles = 1'000'000;
std::vector<data::FragmentInfo> list_files(const std::string& location, const std::vector<std::string>& suffixes);

}  // namespace tajo::storage
