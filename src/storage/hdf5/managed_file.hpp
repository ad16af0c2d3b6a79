#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "hdf5/toc.hpp"
#include "mapped_file.hpp"
#include "tajo/data/vector.hpp"

namespace tajo::storage::hdf5 {

/// One managed file: its mapping and table of contents, read once and kept. Immutable but for what has been checked;
/// any thread. Never enters libhdf5.
class ManagedFile {
 public:
  /// `footer_digest` != 0: the table of contents must be the one the manifest names. Errors XX001, 58P01, 58030.
  static std::shared_ptr<const ManagedFile> open(const std::string& path, std::uint64_t footer_digest);

  const Toc& toc() const { return toc_; }
  const std::string& path() const { return file_->path(); }
  std::uint64_t footer_digest() const { return digest_; }

  /// Checks the block's checksums at its first touch. Throws XX001 naming file, column and block; nothing of a block
  /// that failed is ever handed out.
  void touch(std::uint32_t column, std::uint32_t block) const;
  /// Throws when a part of the file could not be read since it was mapped.
  void check_intact() const;
  bool intact() const { return !file_->broken_at().has_value(); }

  const std::byte* values(std::uint32_t column) const { return regions_[column].values; }
  const std::uint64_t* valid(std::uint32_t column) const { return regions_[column].valid; }
  const std::byte* offsets(std::uint32_t column) const { return regions_[column].offsets; }
  const char* text(std::uint32_t column) const { return regions_[column].text; }
  /// Codes index it (a spare code of NULL too); read and checked at first use.
  const data::Dictionary* dictionary(std::uint32_t column) const;
  /// Bytes of the block's values, validity and text.
  std::uint64_t block_bytes(std::uint32_t column, std::uint32_t block) const;

 private:
  struct Region {
    const std::byte* values = nullptr;
    const std::uint64_t* valid = nullptr;
    const std::byte* offsets = nullptr;
    const char* text = nullptr;
  };
  struct Words {
    std::once_flag once;
    data::Dictionary dictionary;
  };

  ManagedFile() = default;
  void check_extents() const;
  const std::byte* region(const Extent& e);
  std::uint64_t text_offset(std::uint32_t column, std::uint64_t row) const;
  void load_dictionary(std::uint32_t column, data::Dictionary& out) const;
  [[noreturn]] void fail(std::uint32_t column, const std::string& what) const;

  std::shared_ptr<const MappedFile> file_;
  Toc toc_;
  std::uint64_t digest_ = 0;
  std::vector<Region> regions_;
  std::vector<std::unique_ptr<std::uint64_t[]>> copies_;  ///< of small datasets that do not lie aligned in the file
  mutable std::vector<std::unique_ptr<Words>> words_;
  mutable std::vector<std::atomic<std::uint8_t>> checked_;  ///< by column × block: 0 not yet, 1 right
};

}  // namespace tajo::storage::hdf5
