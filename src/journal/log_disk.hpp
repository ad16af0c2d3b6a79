#pragma once
#include <map>
#include <string>
#include <utility>

#include "tajo/journal/posix_log_files.hpp"

namespace tajo::journal {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& o) noexcept;
  ~Descriptor();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// The blocking calls behind PosixLogFiles. Each of its two threads has one of its own.
class PosixLogFiles::Disk {
 public:
  Disk(std::string directory, Rank rank) : directory_(std::move(directory)), rank_(rank) {}
  FileResult list_rows();
  FileResult make_row(const std::string& row);
  FileResult read_slots(const std::string& row, std::int64_t first, std::int64_t limit);
  FileResult make_slot(const std::string& row, std::int64_t index, const std::string& text);
  FileResult sync_row(const std::string& row);
  FileResult create_segment(const std::string& name);
  FileResult append(const std::string& name, std::uint64_t offset, const Bytes& data, bool use_reserve);
  FileResult read_segment(const std::string& name, std::uint64_t offset, std::uint64_t length, bool fresh);
  FileResult write_snapshot(const std::string& name, const Bytes& data);
  FileResult read_snapshot(const std::string& name);
  FileResult remove_row(const std::string& row, const std::vector<std::string>& files);
  void fill_reserve();

 private:
  std::string row_path(const std::string& row) const { return directory_ + "/" + row; }
  std::string data_path(const std::string& name) const { return directory_ + "/data/" + name; }
  std::string reserve_path() const { return directory_ + "/reserve-" + std::to_string(rank_); }
  bool release_reserve();
  void preallocate(int fd, std::uint64_t end);
  void remove_gone_rows();

  std::string directory_;
  Rank rank_;
  std::string row_open_;      // the row whose directory is kept open from before its symlink to its fsync
  Descriptor row_fd_;
  std::string writing_;       // my segment
  Descriptor write_fd_;
  std::uint64_t allocated_ = 0;
  std::string reading_;       // the segment read last
  Descriptor read_fd_;
  bool reserve_given_ = false;
};

}  // namespace tajo::journal
