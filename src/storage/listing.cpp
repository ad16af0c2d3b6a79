#include "listing.hpp"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "io_error.hpp"
#include "source.hpp"

namespace tajo::storage {
namespace {

namespace fs = std::filesystem;

bool has_suffix(const std::string& path, const std::vector<std::string>& suffixes) {
  return std::any_of(suffixes.begin(), suffixes.end(), [&](const std::string& s) { return path.ends_with(s); });
}

bool hidden(const fs::path& p) {
  std::string name = p.filename().string();
  return name.starts_with('.') || name.starts_with('_');
}

void add_directory(const std::string& directory, const std::vector<std::string>& suffixes,
                   std::vector<std::string>& out) {
  std::vector<std::string> all;
  std::error_code failed;
  fs::recursive_directory_iterator it(directory, fs::directory_options::follow_directory_symlink, failed);
  for (; !failed && it != fs::recursive_directory_iterator(); it.increment(failed)) {
    if (hidden(it->path())) {
      if (it->is_directory()) it.disable_recursion_pending();
      continue;
    }
    if (it->is_regular_file()) all.push_back(it->path().string());
    if (all.size() > kMaxExternalFiles)
      throw Error("54000", "\"" + directory + "\" holds more than " + std::to_string(kMaxExternalFiles) + " files");
  }
  if (failed) throw io_error("list", directory, failed.value());
  std::vector<std::string> right;
  std::copy_if(all.begin(), all.end(), std::back_inserter(right), [&](const auto& p) { return has_suffix(p, suffixes); });
  if (right.empty()) right = std::move(all);
  std::sort(right.begin(), right.end());
  out.insert(out.end(), right.begin(), right.end());
}

struct stat status_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw io_error("stat", path, errno);
  return status;
}

std::int64_t mtime_us(const struct stat& status) {
  return static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000 + status.st_mtim.tv_nsec / 1000;
}

}  // namespace

std::vector<data::FragmentInfo> list_files(const std::string& location, const std::vector<std::string>& suffixes) {
  std::vector<std::string> paths;
  struct stat status {};
  if (::stat(location.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) {
      add_directory(location, suffixes, paths);
    } else {
      paths.push_back(location);
    }
  } else if (location.find_first_of("*?[") != std::string::npos) {
    glob_t found{};
    int result = ::glob(location.c_str(), GLOB_ERR, nullptr, &found);
    std::vector<std::string> matches(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    globfree(&found);
    if (result != 0 && result != GLOB_NOMATCH) throw io_error("list", location, EIO);
    for (const std::string& m : matches) {
      if (S_ISDIR(status_of(m).st_mode)) {
        add_directory(m, suffixes, paths);
      } else {
        paths.push_back(m);
      }
    }
  } else {
    throw io_error("open", location, errno);
  }
  if (paths.empty()) throw Error("58P01", "there is no file at \"" + location + "\"");
  std::vector<data::FragmentInfo> out;
  for (std::string& path : paths) {
    struct stat s = status_of(path);
    data::FragmentInfo info;
    info.path = std::move(path);
    info.bytes = static_cast<std::uint64_t>(s.st_size);
    info.mtime_us = mtime_us(s);
    info.unknown_rows = true;
    out.push_back(std::move(info));
  }
  return out;
}

void check_unchanged(const data::FragmentInfo& fragment) {
  struct stat s = status_of(fragment.path);
  if (static_cast<std::uint64_t>(s.st_size) != fragment.bytes || mtime_us(s) != fragment.mtime_us)
    throw Error(sqlstate::kIoError, "file \"" + fragment.path + "\" was changed while the query ran");
}

bool ExternalFormat::count_rows(const data::TableSource&, const std::string&, std::uint64_t&) { return false; }

std::string option(const data::TableSource& source, const std::string& key, const std::string& otherwise) {
  auto it = source.options.find(key);
  return it == source.options.end() ? otherwise : it->second;
}

}  // namespace tajo::storage
