#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "managed_scan.hpp"

namespace tajo::storage {
namespace {

constexpr std::uint64_t kDropEvery = 256;  // openings

bool removed(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) != 0 && errno == ENOENT;
}

}  // namespace

std::shared_ptr<const hdf5::ManagedFile> FileCache::get(const std::string& path, std::uint64_t footer_digest) {
  {
    std::lock_guard lock(mutex_);
    auto it = files_.find(path);
    if (it != files_.end()) {
      const auto& file = it->second.file;
      // A file that broke is tried anew: its storage may have come back. Whoever holds the old one still fails.
      if (file->intact() && (footer_digest == 0 || file->footer_digest() == footer_digest)) {
        it->second.used = ++clock_;
        return file;
      }
      files_.erase(it);
    }
  }
  auto file = hdf5::ManagedFile::open(path, footer_digest);  // outside the lock: the disk may be slow
  bool sweep = false;
  {
    std::lock_guard lock(mutex_);
    auto [it, fresh] = files_.try_emplace(path);
    if (!fresh && it->second.file->footer_digest() == file->footer_digest() && it->second.file->intact()) {
      it->second.used = ++clock_;
      return it->second.file;
    }
    it->second = {file, ++clock_};
    if (files_.size() > kMaxFiles) make_room();
    sweep = clock_ % kDropEvery == 0;
  }
  if (sweep) drop_removed();
  return file;
}

void FileCache::make_room() {
  auto oldest = files_.end();
  for (auto it = files_.begin(); it != files_.end(); ++it)
    if (it->second.file.use_count() == 1 && (oldest == files_.end() || it->second.used < oldest->second.used)) oldest = it;
  if (oldest != files_.end()) files_.erase(oldest);
}

void FileCache::drop_removed() {
  std::vector<std::string> paths;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [path, entry] : files_)
      if (entry.file.use_count() == 1) paths.push_back(path);
  }
  std::erase_if(paths, [](const std::string& p) { return !removed(p); });
  std::lock_guard lock(mutex_);
  for (const std::string& p : paths) {
    auto it = files_.find(p);
    if (it != files_.end() && it->second.file.use_count() == 1) files_.erase(it);
  }
}

std::string managed_path(const std::string& warehouse, const data::TableSource& source,
                         const data::FragmentInfo& fragment) {
  // operator/ keeps an absolute right side.
  return (std::filesystem::path(warehouse) / source.location / fragment.path).string();
}

}  // namespace tajo::storage
