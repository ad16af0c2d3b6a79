#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hdf5/library.hpp"
#include "tajo/common/bytes.hpp"

namespace tajo::storage::hdf5 {

/// Variable-length strings of a contiguous 1-D dataset, read past libhdf5, whose reader of global heaps follows a
/// damaged file out of its memory (seen with 1.10.8). Every length is checked here. One thread.
class HeapTexts {
 public:
  /// nullptr where the dataset lies otherwise (chunked, in a compound, unusual sizes of offsets). Under the lock.
  static std::unique_ptr<HeapTexts> open(hid_t file, hid_t dataset, const std::string& path, std::uint64_t rows);
  HeapTexts(const HeapTexts&) = delete;
  HeapTexts& operator=(const HeapTexts&) = delete;
  ~HeapTexts();

  /// Calls f(i, text) for rows [first, first + rows); the text lives during the call. Error XX001, 58030.
  template <class F>
  void for_each(std::uint64_t first, std::uint32_t rows, F&& f) {
    read_references(first, rows);
    for (std::uint32_t i = 0; i < rows; ++i) f(i, text(i));
  }

 private:
  static constexpr std::size_t kReferenceBytes = 16;  // u32 length, u64 address of the heap, u32 index in it
  static constexpr std::size_t kMaxHeapBytes = std::size_t{64} << 20;   // of all kept heaps
  static constexpr std::uint64_t kMaxOneHeap = std::uint64_t{1} << 31;

  struct Heap {
    Bytes bytes;
    std::map<std::uint32_t, ByteView> objects;
  };

  HeapTexts() = default;
  void read_references(std::uint64_t first, std::uint32_t rows);
  std::string_view text(std::uint32_t i);
  const Heap& heap(std::uint64_t address);
  Bytes read(std::uint64_t offset, std::size_t bytes) const;

  std::string path_;
  int fd_ = -1;
  std::uint64_t base_ = 0;    // of all addresses: a user block lies before
  std::uint64_t offset_ = 0;  // of the references
  std::uint64_t file_bytes_ = 0;
  Bytes references_;
  std::map<std::uint64_t, Heap> heaps_;
  std::size_t heap_bytes_ = 0;
};

}  // namespace tajo::storage::hdf5
