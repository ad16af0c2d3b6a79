#pragma once
#include <hdf5.h>

#include <array>
#include <cstdint>
#include <map>

#include "tajo/common/bytes.hpp"

namespace tajo::storage::hdf5 {

/// What libhdf5 would have written to a file: the pages it touched (metadata only, as long as nobody writes data
/// through the library) and the end of its address space.
struct FileImage {
  static constexpr std::uint64_t kPage = 4096;
  std::map<std::uint64_t, std::array<std::byte, kPage>> pages;  ///< by page number
  std::uint64_t end = 0;
};

/// File access property list whose files exist only as `image` (which must outlive them): the library lays a file out
/// without touching the disk, so its lock is never held during I/O and a full disk meets only our own code.
hid_t make_memory_access(FileImage* image);

}  // namespace tajo::storage::hdf5
