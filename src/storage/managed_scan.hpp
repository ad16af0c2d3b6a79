#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "hdf5/managed_file.hpp"
#include "tajo/storage/scan.hpp"

namespace tajo::storage {

/// The managed files a rank has opened, kept for its life: at most kMaxFiles, those in use aside. Any thread.
class FileCache {
 public:
  static constexpr std::size_t kMaxFiles = 8192;
  std::shared_ptr<const hdf5::ManagedFile> get(const std::string& path, std::uint64_t footer_digest);
  /// Lets go of files that no scan uses and that have been removed, so that their space is freed.
  void drop_removed();

 private:
  struct Entry {
    std::shared_ptr<const hdf5::ManagedFile> file;
    std::uint64_t used = 0;
  };
  void make_room();
  std::mutex mutex_;
  std::map<std::string, Entry> files_;
  std::uint64_t clock_ = 0;
};

/// Where a fragment of a managed table lies.
std::string managed_path(const std::string& warehouse, const data::TableSource& source,
                         const data::FragmentInfo& fragment);

/// Splits of one fragment, file or inline; blocks that the filters exclude are left out.
void managed_splits(const ScanRequest& request, std::uint32_t fragment, std::uint64_t target_rows,
                    const std::string& warehouse, FileCache& files, std::vector<data::Split>& out);

std::unique_ptr<SplitReader> open_managed(const std::shared_ptr<const ScanRequest>& request, const data::Split& split,
                                          const std::string& warehouse, FileCache& files);
std::unique_ptr<SplitReader> open_inline(const std::shared_ptr<const ScanRequest>& request, const data::Split& split);

}  // namespace tajo::storage
