#include "tajo/journal/posix_log_files.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <ctime>
#include <sys/stat.h>
#include <thread>

#include "log_disk.hpp"
#include "tajo/common/error.hpp"
#include "tajo/journal/slot.hpp"

namespace tajo::journal {

/// One I/O thread. Its state outlives the owner, since the thread may hang in a call when the owner goes.
class PosixLogFiles::Worker {
 public:
  explicit Worker(Post post) : shared_(std::make_shared<Shared>()) {
    shared_->post = std::move(post);
    std::thread(loop, shared_).detach();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    std::lock_guard lock(shared_->mutex);
    shared_->closed = true;
    shared_->ready.notify_all();
  }

  void run(std::function<FileResult()> request, Done done) {
    std::lock_guard lock(shared_->mutex);
    shared_->queue.emplace_back(std::move(request), std::move(done));
    shared_->ready.notify_one();
  }

 private:
  struct Shared {
    std::mutex mutex;
    std::condition_variable ready;
    std::deque<std::pair<std::function<FileResult()>, Done>> queue;  // bound: a rank waits for each of its few requests
    Post post;
    bool closed = false;
  };
  static void loop(std::shared_ptr<Shared> shared) {
    std::unique_lock lock(shared->mutex);
    for (;;) {
      shared->ready.wait(lock, [&] { return shared->closed || !shared->queue.empty(); });
      if (shared->closed) return;
      auto [request, done] = std::move(shared->queue.front());
      shared->queue.pop_front();
      lock.unlock();
      auto result = std::make_shared<FileResult>(request());
      request = nullptr;
      lock.lock();
      if (shared->closed) return;
      // Under the lock, so that nothing is posted to an owner that is gone.
      shared->post([done = std::move(done), result] { done(std::move(*result)); });
    }
  }
  std::shared_ptr<Shared> shared_;
};

namespace {

void make_directories(const std::string& path) {
  for (std::size_t at = 1; at != std::string::npos;) {
    at = path.find('/', at);
    std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST)
      throw Error(sqlstate::kIoError, "cannot create directory " + part + ": " + std::strerror(errno));
    if (at != std::string::npos) ++at;
  }
}

}  // namespace

std::unique_ptr<PosixLogFiles> PosixLogFiles::open(const std::string& directory, Rank rank, Post post) {
  make_directories(directory + "/data");
  auto commits = std::make_shared<Disk>(directory, rank);
  commits->fill_reserve();
  return std::unique_ptr<PosixLogFiles>(
      new PosixLogFiles(std::move(commits), std::make_shared<Disk>(directory, rank), std::move(post)));
}

namespace {

/// The newest row that has slots, and the index of its last one; -1: none. Slots have no gaps, so a search finds the end.
std::pair<std::string, std::int64_t> newest_slot(const std::string& directory, std::vector<std::string> rows) {
  std::erase_if(rows, [](const std::string& r) { return row_number(r) == 0; });
  std::sort(rows.begin(), rows.end(), std::greater<>());
  for (const std::string& row : rows) {
    auto there = [&](std::int64_t index) {
      struct stat st {};
      return ::lstat((directory + "/" + row + "/" + slot_name(index)).c_str(), &st) == 0;
    };
    if (!there(0)) continue;  // prepared, but nothing in it yet
    std::int64_t low = 0, high = 1;
    while (there(high)) high = 2 * (low = high);
    while (high - low > 1) (there((low + high) / 2) ? low : high) = (low + high) / 2;
    return {row, low};
  }
  return {{}, -1};
}

}  // namespace

std::optional<double> PosixLogFiles::newest_slot_age_s(const std::string& directory) {
  const auto [row, index] = newest_slot(directory, Disk(directory, 0).list_rows().names);
  struct stat st {};
  if (index < 0 || ::lstat((directory + "/" + row + "/" + slot_name(index)).c_str(), &st) != 0) return {};
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<double>(now.tv_sec - st.st_mtim.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec - st.st_mtim.tv_nsec);
}

std::uint64_t PosixLogFiles::newest_slot_hash(const std::string& directory) {
  Disk disk(directory, 0);
  const auto [row, index] = newest_slot(directory, disk.list_rows().names);
  if (index < 0) return 0;
  const FileResult links = disk.read_slots(row, index, 1);
  const auto last = links.names.empty() ? std::nullopt : Slot::parse(links.names.front());
  return last ? last->hash : 0;
}

std::vector<Record> PosixLogFiles::newest_records(const std::string& directory) {
  Disk disk(directory, 0);
  const auto [row, index] = newest_slot(directory, disk.list_rows().names);
  if (index < 0) return {};
  const FileResult links = disk.read_slots(row, std::max<std::int64_t>(0, index - 1), 2);
  if (links.names.empty()) return {};
  const auto last = Slot::parse(links.names.back());
  const auto before = index == 0 ? std::nullopt : Slot::parse(links.names.front());
  if (!last) return {};
  // A segment has one writer, whose slots follow each other: it begins where the slot before it ended, if that is its own.
  const std::uint64_t start = before && before->segment == last->segment ? before->length : 0;
  const FileResult bytes = disk.read_segment(segment_name(last->segment), start, last->length - start, true);
  if (bytes.status != FileStatus::kOk || batch_hash(last->epoch, bytes.data) != last->hash) return {};
  return decode_batch(bytes.data);
}

PosixLogFiles::PosixLogFiles(std::shared_ptr<Disk> commits, std::shared_ptr<Disk> reads, Post post)
    : commit_disk_(std::move(commits)), read_disk_(std::move(reads)),
      commit_thread_(std::make_unique<Worker>(post)), read_thread_(std::make_unique<Worker>(post)) {}

PosixLogFiles::~PosixLogFiles() = default;

void PosixLogFiles::list_rows(Done done) {
  read_thread_->run([d = read_disk_] { return d->list_rows(); }, std::move(done));
}
void PosixLogFiles::make_row(std::string row, Done done) {
  read_thread_->run([d = read_disk_, row] { return d->make_row(row); }, std::move(done));
}
void PosixLogFiles::read_slots(std::string row, std::int64_t first, std::int64_t limit, Done done) {
  read_thread_->run([d = read_disk_, row, first, limit] { return d->read_slots(row, first, limit); }, std::move(done));
}
void PosixLogFiles::make_slot(std::string row, std::int64_t index, std::string text, Done done) {
  commit_thread_->run([d = commit_disk_, row, index, text] { return d->make_slot(row, index, text); },
                      std::move(done));
}
void PosixLogFiles::sync_row(std::string row, Done done) {
  commit_thread_->run([d = commit_disk_, row] { return d->sync_row(row); }, std::move(done));
}
void PosixLogFiles::create_segment(std::string name, Done done) {
  commit_thread_->run([d = commit_disk_, name] { return d->create_segment(name); }, std::move(done));
}
void PosixLogFiles::append(std::string name, std::uint64_t offset, Bytes data, bool use_reserve, Done done) {
  commit_thread_->run([d = commit_disk_, name, offset, data = std::move(data),
                       use_reserve] { return d->append(name, offset, data, use_reserve); },
                      std::move(done));
}
void PosixLogFiles::read_segment(std::string name, std::uint64_t offset, std::uint64_t length, bool fresh, Done done) {
  read_thread_->run([d = read_disk_, name, offset, length, fresh] { return d->read_segment(name, offset, length, fresh); },
                    std::move(done));
}
void PosixLogFiles::write_snapshot(std::string name, Bytes data, Done done) {
  read_thread_->run([d = read_disk_, name, data = std::move(data)] { return d->write_snapshot(name, data); },
                    std::move(done));
}
void PosixLogFiles::read_snapshot(std::string name, Done done) {
  read_thread_->run([d = read_disk_, name] { return d->read_snapshot(name); }, std::move(done));
}
void PosixLogFiles::remove_row(std::string row, std::vector<std::string> files, Done done) {
  read_thread_->run([d = read_disk_, row, files = std::move(files)] { return d->remove_row(row, files); },
                    std::move(done));
}

}  // namespace tajo::journal
